// paged_attention_4x8_kv2_b4_f32_s0_25: result[T, 4, 8] = softmax(0.25 q keys) values, 2 KV heads, causal
//
//   layer_decode: made [T, 4, 8]

struct Step {
  T: i32, S: i32, R: i32, C: i32, B: i32, P: i32,
  layer: i32,
}
@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> arena: array<f32>;
@group(0) @binding(2) var<storage, read> keys: array<f32>;
@group(0) @binding(3) var<storage, read> values: array<f32>;
@group(0) @binding(4) var<storage, read> batch: array<i32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;

const HEADS: i32 = 4;
const KV_HEADS: i32 = 2;
const HEAD_DIM: i32 = 8;
const BLOCK_SIZE: i32 = 4;
const SCALE: f32 = 0.25;

// Where operands begin, in words.
override q_at: i32;
override block_table_at: i32;
override sequences_at: i32;
override positions_at: i32;

fn read_q(i: i32) -> f32 { return arena[q_at + i]; }

fn read_cache_keys(i: i32) -> f32 { return keys[i]; }

fn read_cache_values(i: i32) -> f32 { return values[i]; }

fn read_block_table(i: i32) -> i32 { return batch[block_table_at + i]; }

fn read_sequences(i: i32) -> i32 { return batch[sequences_at + i]; }

fn read_positions(i: i32) -> i32 { return batch[positions_at + i]; }

fn write_result(i: i32, value: f32) { output[i] = value; }

fn row_count() -> i32 { return step.T; }

// exp to two units in the last place; WGSL promises 3 + 2 |x| of them. Reduction to |r| <= ln 2 / 2 and the
// polynomial of Cephes.
fn power_of_two(n: i32) -> f32 { return bitcast<f32>(u32(n + 127) << 23u); }

// 2^n times exp(r), in two factors, so that results below the normal numbers do not vanish too early.
fn scaled_exponential(r: f32, n: i32) -> f32 {
  var p = 1.9875691500e-4;
  p = fma(p, r, 1.3981999507e-3);
  p = fma(p, r, 8.3334519073e-3);
  p = fma(p, r, 4.1665795894e-2);
  p = fma(p, r, 1.6666665459e-1);
  p = fma(p, r, 5.0000001201e-1);
  let first = n / 2;
  return (fma(p, r * r, r) + 1.0) * power_of_two(first) * power_of_two(n - first);
}

fn exponential(x: f32) -> f32 {
  let held = clamp(x, -104.0, 89.0);
  let n = round(held * 1.44269504);
  let r = fma(n, 2.12194440e-4, fma(n, -0.693359375, held));
  return select(scaled_exponential(r, i32(n)), x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u);
}

fn exponential2(x: f32) -> f32 {
  let held = clamp(x, -151.0, 129.0);
  let n = round(held);
  let value = scaled_exponential((held - n) * 0.69314718, i32(n));
  return select(value, x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u);
}

fn hyperbolic_tangent(x: f32) -> f32 {
  let size = abs(x);
  let z = x * x;
  var p = -5.70498872745e-3;
  p = fma(p, z, 2.06390887954e-2);
  p = fma(p, z, -5.37397155531e-2);
  p = fma(p, z, 1.33314422036e-1);
  p = fma(p, z, -3.33332819422e-1);
  let far = sign(x) * (1.0 - 2.0 / (exponential(2.0 * size) + 1.0));
  return select(far, fma(p * z, x, x), size < 0.625);
}

// Where the heads of one position of a sequence start in the keys and in the values of a layer,
// [P, BLOCK_SIZE, KV_HEADS, HEAD_DIM].
fn slot_of(sequence: i32, position: i32) -> i32 {
  let block = read_block_table(sequence * step.B + position / BLOCK_SIZE);
  return (block * BLOCK_SIZE + position % BLOCK_SIZE) * KV_HEADS * HEAD_DIM;
}

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
