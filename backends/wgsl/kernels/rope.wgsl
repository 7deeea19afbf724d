// out[T, HEADS, HEAD_DIM] = heads that start at column OFFSET of a row of x[T, WIDTH], turned by their
// positions; one invocation a pair.
@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let unit = i32((group.y * groups.x + group.x) * 64u + lane);
  if (unit >= row_count() * HEADS * (HEAD_DIM / 2)) { return; }
  let pair = unit % (HEAD_DIM / 2);
  let head = unit / (HEAD_DIM / 2);
  let token = head / HEADS;
  let start = token * WIDTH + OFFSET + head % HEADS * HEAD_DIM;
  let angle = f32(read_positions(token)) * read_frequencies(pair);
  let x = vec2<f32>(read_x(start + first_of_pair(pair)), read_x(start + second_of_pair(pair)));
  let out = turned(x, angle);
  write_result(head * HEAD_DIM + first_of_pair(pair), out.x);
  write_result(head * HEAD_DIM + second_of_pair(pair), out.y);
}
