// lines_direct: kernels that walk lines of numbers, one line to an invocation. lines_tiled.wgsl gives the same functions for
// one line to a workgroup; a kernel is written once and linked with either.
//
//   line_index            the line this invocation works on
//   first_element, STEP   it walks every STEP-th element from that one on
//   total, largest        the sum and the maximum over the line, given those of what this invocation walked
//
// used by          software adapters, and many short lines
// linked with      lib/grid

const STEP: u32 = 1u;

fn first_element(lane: u32) -> u32 { return 0u; }

fn line_index(group: vec3u, groups: vec3u, lane: u32) -> u32 {
  return item_index(group, groups, lane);
}

fn total(own: f32, lane: u32) -> f32 { return own; }

fn largest(own: f32, lane: u32) -> f32 { return own; }
