// Panels of f32: 4 rows of a column in 16 bytes.
fn weights_8(panel: i32, eighth: i32, lane: i32) -> mat2x4<f32> {
  let at = (panel * (PADDED_K / 4) + eighth * 2) * 64 + lane;
  return mat2x4<f32>(bitcast<vec4<f32>>(read_w(at)), bitcast<vec4<f32>>(read_w(at + 64)));
}
