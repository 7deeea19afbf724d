// Keys, turned by their positions, and values, from columns of x[T, WIDTH] into the cache; one invocation a
// pair.
@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let unit = i32((group.y * groups.x + group.x) * 64u + lane);
  if (unit >= row_count() * KV_HEADS * (HEAD_DIM / 2)) { return; }
  let pair = unit % (HEAD_DIM / 2);
  let token = unit / (HEAD_DIM / 2) / KV_HEADS;
  let head = unit / (HEAD_DIM / 2) % KV_HEADS * HEAD_DIM;
  let position = read_positions(token);
  let key = token * WIDTH + KEY_OFFSET + head;
  let value = token * WIDTH + VALUE_OFFSET + head;
  let angle = f32(position) * read_frequencies(pair);
  let x = vec2<f32>(read_x(key + first_of_pair(pair)), read_x(key + second_of_pair(pair)));
  let out = turned(x, angle);
  let slot = slot_of(read_sequences(token), position) + head;
  write_cache_keys(slot + first_of_pair(pair), out.x);
  write_cache_keys(slot + second_of_pair(pair), out.y);
  write_cache_values(slot + first_of_pair(pair), read_x(value + first_of_pair(pair)));
  write_cache_values(slot + second_of_pair(pair), read_x(value + second_of_pair(pair)));
}
