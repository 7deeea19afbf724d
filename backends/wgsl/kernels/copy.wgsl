// A value moves to the place of the next one, word by word. Before it stands WORDS, for each row.
@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let unit = i32((group.y * groups.x + group.x) * 64u + lane);
  if (unit < row_count() * WORDS) { write_result(unit, read_x(unit)); }
}
