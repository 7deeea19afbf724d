// out[T, D] = rows of table[N, D] that the indices name; one invocation an element. A table that is bound
// in parts is gathered part by part: a row belongs to the dispatch whose part it lies in.
override first_row: i32 = 0;
override part_rows: i32 = 2147483647;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let unit = i32((group.y * groups.x + group.x) * 64u + lane);
  if (unit >= row_count() * D) { return; }
  let row = read_indices(unit / D) - first_row;
  if (row >= 0 && row < part_rows) { write_result(unit, read_table(row * D + unit % D)); }
}
