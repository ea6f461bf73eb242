// erf: 2/√π ∫₀ˣ e^(−t²) dt;  the derivative is 2/√π e^(−x²)
//
// linked with      lib/ieee, lib/exponential, lib/error_function

const TWO_OVER_SQRT_PI: f32 = 1.12837917;

fn value(x: vec4f) -> vec4f { return erf_accurate(x); }
fn slope(x: vec4f, y: vec4f) -> vec4f { return TWO_OVER_SQRT_PI * exp_minus_square(x, 1); }
