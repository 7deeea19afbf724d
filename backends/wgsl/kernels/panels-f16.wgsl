// Panels of f16: 8 rows of a column in 16 bytes, the even row of a pair in the low half of its word.
fn weights_8(panel: i32, eighth: i32, lane: i32) -> mat2x4<f32> {
  let words = read_w((panel * (PADDED_K / 8) + eighth) * 64 + lane);
  return mat2x4<f32>(
    vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y)),
    vec4<f32>(unpack2x16float(words.z), unpack2x16float(words.w)),
  );
}
