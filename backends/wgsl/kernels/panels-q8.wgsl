// Panels of 8-bit codes: blocks of 64 f16 scales (8 vectors), then 16 rows of a column in 16 bytes.
const BLOCK_VECTORS = 8 + GROUP / 16 * 64;

fn codes_of(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<i32>(bitcast<i32>(word)) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u));
}

fn weights_8(panel: i32, eighth: i32, lane: i32) -> mat2x4<f32> {
  let row = eighth * 8;
  let block = (panel * (K / GROUP) + row / GROUP) * BLOCK_VECTORS;
  let pair = unpack2x16float(read_w(block + lane / 8)[(lane / 2) % 4]);
  let scale = select(pair.x, pair.y, lane % 2 == 1);
  let words = read_w(block + 8 + row % GROUP / 16 * 64 + lane);
  let own = select(words.xy, words.zw, eighth % 2 == 1);
  return mat2x4<f32>(codes_of(own.x) * scale, codes_of(own.y) * scale);
}
