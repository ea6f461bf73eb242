// fma_peak: how many multiply-adds an adapter does when nothing else is in the way.
//
//   x ← a · x + b, over and over, in CHAINS vectors of four that do not depend on each other
//
// layout   seeds: two vectors, a and b, which the compiler cannot know; output [invocations] vec4
// tile     one invocation: CHAINS · 4 sums in registers, 16 steps written out in a round of the loop, so that a compiler that
//          carries a loop's values through memory carries them rarely
// grid     invocations along the folded line
// counts   invocations · rounds · 16 · CHAINS · 4 multiply-adds
// assumes  |a| < 1, so that numbers neither overflow nor become subnormal
//
// specialised by   const LANES: u32, CHAINS: u32 (2, 4 or 8), FUSED: bool (fma() or a · x + b)
// linked with      lib/grid

struct Params {
  rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> seeds: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;

struct Chains {
  c0: vec4f, c1: vec4f, c2: vec4f, c3: vec4f,
  c4: vec4f, c5: vec4f, c6: vec4f, c7: vec4f,
}

fn multiply_add(x: vec4f, a: vec4f, b: vec4f) -> vec4f {
  if (FUSED) { return fma(a, x, b); }
  return a * x + b;
}

fn step(x: Chains, a: vec4f, b: vec4f) -> Chains {
  var y = x;
  y.c0 = multiply_add(x.c0, a, b);
  y.c1 = multiply_add(x.c1, a, b);
  if (CHAINS > 2u) {
    y.c2 = multiply_add(x.c2, a, b);
    y.c3 = multiply_add(x.c3, a, b);
  }
  if (CHAINS > 4u) {
    y.c4 = multiply_add(x.c4, a, b);
    y.c5 = multiply_add(x.c5, a, b);
    y.c6 = multiply_add(x.c6, a, b);
    y.c7 = multiply_add(x.c7, a, b);
  }
  return y;
}

fn four_steps(x: Chains, a: vec4f, b: vec4f) -> Chains {
  return step(step(step(step(x, a, b), a, b), a, b), a, b);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = item_index(group, groups, lane);
  let a = seeds[0];
  let b = seeds[1];
  let start = vec4f(f32(item % 1024u) / 1024.0);
  var x = Chains(start, start + 1.0, start + 2.0, start + 3.0, start + 4.0, start + 5.0, start + 6.0, start + 7.0);
  for (var round = 0u; round < params.rounds; round++) {
    x = four_steps(four_steps(four_steps(four_steps(x, a, b), a, b), a, b), a, b);
  }
  if (item >= arrayLength(&output)) { return; }
  output[item] = ((x.c0 + x.c1) + (x.c2 + x.c3)) + ((x.c4 + x.c5) + (x.c6 + x.c7));
}
