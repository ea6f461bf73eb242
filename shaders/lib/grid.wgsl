// grid: how every kernel of Nudge reads its place in a dispatch.
//
// Work that grows with the number of samples is laid along one line of workgroups, folded over x and y because a
// dispatch may have at most 65,535 groups in a dimension; z counts what does not grow (tiles of channels or columns).
//
//   group index   group.y · groups.x + group.x
//   item index    group index · LANES + lane
//
// The last row of the fold may be incomplete: compare with the number of items before writing.
//
// specialised by   const LANES: u32;   invocations in a workgroup, one-dimensional

fn group_index(group: vec3u, groups: vec3u) -> u32 {
  return group.y * groups.x + group.x;
}

fn item_index(group: vec3u, groups: vec3u, lane: u32) -> u32 {
  return group_index(group, groups) * LANES + lane;
}
