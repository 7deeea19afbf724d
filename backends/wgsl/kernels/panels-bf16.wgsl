// Panels of bf16: 8 rows of a column in 16 bytes, the even row of a pair in the low half of its word. Such a
// number is the upper half of an f32.
fn widened(pairs: vec2<u32>) -> vec4<f32> {
  return bitcast<vec4<f32>>(vec4<u32>(pairs.x << 16u, pairs.x & 0xffff0000u, pairs.y << 16u, pairs.y & 0xffff0000u));
}

fn weights_8(panel: i32, eighth: i32, lane: i32) -> mat2x4<f32> {
  let words = read_w((panel * (PADDED_K / 8) + eighth) * 64 + lane);
  return mat2x4<f32>(widened(words.xy), widened(words.zw));
}
