// weights_f16: weights of 16 bits; see weights_f32.wgsl for what the names mean. Only storage is narrow: a kernel widens a
// weight as it reads it, and multiplies and sums in f32. The host rounds (src/runtime/plan/half.ts), so every f16 here is finite.
//
// used by          models loaded with their weights as f16, on adapters with the feature shader-f16

enable f16;

alias Weight = f16;
alias Weight4 = vec4h;
