// weights_f32: the type that constant weights are stored in. weights_f16.wgsl gives the same names for half of the bytes; a
// kernel is written once and linked with either.
//
//   Weight, Weight4   one weight, and four side by side; f32(w) and vec4f(w) widen them as they are read
//
// used by          every model, unless it is loaded with its weights as f16

alias Weight = f32;
alias Weight4 = vec4f;
