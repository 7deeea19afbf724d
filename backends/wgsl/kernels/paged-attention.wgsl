// out[T, HEADS, HEAD_DIM] = softmax(SCALE q keys) values over slots 0 .. position of the token's own
// sequence.
//
// One workgroup a head of a token. 64 slots at a time: each invocation scores one slot, then each owns
// columns of the head and adds up the values of all 64, with the running maximum and sum of an online
// softmax.
const LANES = 64;
const OWN = (HEAD_DIM + LANES - 1) / LANES;
// Below every score that finite weights can make.
const LOWEST = -3.0e38;

var<workgroup> query: array<f32, HEAD_DIM>;
var<workgroup> scores: array<f32, LANES>;
var<workgroup> slots: array<i32, LANES>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) index: u32,
) {
  // The last workgroups of a folded dispatch may have nothing to do: they compute a row again and do not
  // write.
  let unit = i32(group.y * groups.x + group.x);
  let head = min(unit, row_count() * HEADS - 1);
  let lane = i32(index);
  let token = head / HEADS;
  let kv_head = head % HEADS / (HEADS / KV_HEADS) * HEAD_DIM;
  let sequence = read_sequences(token);
  let count = read_positions(token) + 1;
  for (var d = lane; d < HEAD_DIM; d += LANES) { query[d] = read_q(head * HEAD_DIM + d) * SCALE; }
  var sums: array<f32, OWN>;
  var most = LOWEST;
  var total = 0.0;
  for (var first = 0; first < count; first += LANES) {
    workgroupBarrier();
    score(sequence, first + lane, count, kv_head, lane);
    workgroupBarrier();
    let last = min(LANES, count - first);
    var highest = most;
    for (var j = 0; j < last; j++) { highest = max(highest, scores[j]); }
    let shrink = exponential(most - highest);
    most = highest;
    total *= shrink;
    for (var i = 0; i < OWN; i++) { sums[i] *= shrink; }
    for (var j = 0; j < last; j++) {
      let weight = exponential(scores[j] - most);
      total += weight;
      for (var i = 0; i < OWN; i++) {
        let d = lane + i * LANES;
        if (d < HEAD_DIM) { sums[i] += weight * read_cache_values(slots[j] + d); }
      }
    }
  }
  if (unit != head) { return; }
  for (var i = 0; i < OWN; i++) {
    let d = lane + i * LANES;
    if (d < HEAD_DIM) { write_result(head * HEAD_DIM + d, sums[i] / total); }
  }
}

fn score(sequence: i32, position: i32, count: i32, kv_head: i32, lane: i32) {
  if (position >= count) { return; }
  let slot = slot_of(sequence, position) + kv_head;
  var sum = 0.0;
  for (var d = 0; d < HEAD_DIM; d++) { sum += query[d] * read_cache_keys(slot + d); }
  scores[lane] = sum;
  slots[lane] = slot;
}
