// Panels of bf16: 8 rows of a column in 16 bytes, the even row of a pair in the low half of its word. Such a
// number is the upper half of an f32.
fn widened(pairs: vec2<u32>) -> vec4<f32> {
  let low = pairs << vec2<u32>(16u);
  let high = pairs & vec2<u32>(0xffff0000u);
  return bitcast<vec4<f32>>(vec4<u32>(low.x, high.x, low.y, high.y));
}

fn weights_8(panel: i32, eighth: i32, lane: i32) -> mat2x4<f32> {
  let words = read_w((panel * (PADDED_K / 8) + eighth) * 64 + lane);
  return mat2x4<f32>(widened(words.xy), widened(words.zw));
}
