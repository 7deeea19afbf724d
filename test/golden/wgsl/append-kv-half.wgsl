// loop_append_kv: [2, P, 4, 2, 3] f16 = append_kv([2, P, 4, 2, 3] f16, [T, 2, 3], [T, 2, 3], [] i32, [S, B] i32, [T] i32, [T] i32)
//
//   layer_decode: made [2, P, 4, 2, 3] f16

struct Step {
  T: i32, S: i32, R: i32, C: i32, B: i32, P: i32,
  layer: i32,
}
@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read_write> keys: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read_write> values: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read> arena: array<f32>;
@group(0) @binding(4) var<storage, read> batch: array<i32>;

// Where operands begin, in words.
override keys_at: i32;
override values_at: i32;
override block_table_at: i32;
override sequences_at: i32;
override positions_at: i32;

fn write_cache_keys(i: i32, value: f32) {
  let word = &keys[i >> 1u];
  let shift = u32(i & 1) * 16u;
  atomicAnd(word, ~(0xffffu << shift));
  atomicOr(word, (half_bits(value) & 0xffffu) << shift);
}

fn write_cache_values(i: i32, value: f32) {
  let word = &values[i >> 1u];
  let shift = u32(i & 1) * 16u;
  atomicAnd(word, ~(0xffffu << shift));
  atomicOr(word, (half_bits(value) & 0xffffu) << shift);
}

fn read_keys(i: i32) -> f32 { return arena[keys_at + i]; }

fn read_values(i: i32) -> f32 { return arena[values_at + i]; }

fn read_block_table(i: i32) -> i32 { return batch[block_table_at + i]; }

fn read_sequences(i: i32) -> i32 { return batch[sequences_at + i]; }

fn read_positions(i: i32) -> i32 { return batch[positions_at + i]; }

// 16-bit floats by their bits, since WGSL leaves open how its own conversion rounds: to nearest, ties to
// even.
fn half_bits(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  let magnitude = bits & 0x7fffffffu;
  let sign = (bits >> 16u) & 0x8000u;
  if (magnitude > 0x7f800000u) { return sign | 0x7e00u; }
  if (magnitude >= 0x477ff000u) { return sign | 0x7c00u; }
  // Subnormal: adding 0.5 leaves the rounded half's bits at the end of the fraction.
  if (magnitude < 0x38800000u) { return sign | (bitcast<u32>(bitcast<f32>(magnitude) + 0.5) - 0x3f000000u); }
  return sign | ((magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13u) & 1u)) >> 13u);
}

fn round_to_half(value: f32) -> f32 { return unpack2x16float(half_bits(value)).x; }

fn brain_bits(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return (bits >> 16u) | 0x40u; }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}

fn round_to_brain(value: f32) -> f32 { return bitcast<f32>(brain_bits(value) << 16u); }

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let B = step.B;
  let P = step.P;
  let S = step.S;
  let T = step.T;
  let unit = i32((group.y * groups.x + group.x) * 64u + lane);
  if (unit >= T * 2 * 3) { return; }
  let t = unit / (2 * 3);
  let h = unit / 3 % 2;
  let d = unit % 3;
  write_cache_keys(((read_block_table(read_sequences(t) * B + read_positions(t) / 4) * 4 + read_positions(t) % 4) * 2 + h) * 3 + d, read_keys((t * 2 + h) * 3 + d));
  write_cache_values(((read_block_table(read_sequences(t) * B + read_positions(t) / 4) * 4 + read_positions(t) % 4) * 2 + h) * 3 + d, read_values((t * 2 + h) * 3 + d));
}
