// Panels of 4-bit codes, each plus 8: blocks of 64 f16 scales (8 vectors), then 32 rows of a column in 16
// bytes.
const BLOCK_VECTORS = 8 + GROUP / 32 * 64;

fn weights_8(panel: i32, eighth: i32, lane: i32) -> mat2x4<f32> {
  let row = eighth * 8;
  let block = (panel * (K / GROUP) + row / GROUP) * BLOCK_VECTORS;
  let pair = unpack2x16float(read_w(block + lane / 8)[(lane / 2) % 4]);
  let scale = select(pair.x, pair.y, lane % 2 == 1);
  let word = read_w(block + 8 + row % GROUP / 32 * 64 + lane)[eighth % 4];
  let low = vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u)) - 8.0;
  let high = vec4<f32>((vec4<u32>(word) >> vec4<u32>(16u, 20u, 24u, 28u)) & vec4<u32>(15u)) - 8.0;
  return mat2x4<f32>(low * scale, high * scale);
}
