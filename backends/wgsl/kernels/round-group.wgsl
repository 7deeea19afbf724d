// Rounding of a group of numbers to 8-bit codes with one scale. What is found of a group: its largest
// magnitude, and a NaN where it holds one, or an infinity.
fn with_four(found: array<f32, 2>, four: vec4<f32>) -> array<f32, 2> {
  let bits = bitcast<vec4<u32>>(four) & vec4<u32>(0x7fffffffu);
  let faults = select(vec4<u32>(), vec4<u32>(0x7fc00000u), bits >= vec4<u32>(0x7f800000u));
  let fault = bitcast<u32>(found[1]) | faults.x | faults.y | faults.z | faults.w;
  let sizes = bitcast<vec4<f32>>(bits);
  let largest = max(max(found[0], max(sizes.x, sizes.y)), max(sizes.z, sizes.w));
  return array<f32, 2>(largest, bitcast<f32>(fault));
}

// The largest magnitude / 127, in half precision where that has it as a normal number.
fn scale_of_group(found: array<f32, 2>) -> f32 {
  let exact = found[0] / 127.0;
  let bits = bitcast<u32>(exact);
  let rounded = bitcast<f32>((bits + 0xfffu + ((bits >> 13u) & 1u)) & 0xffffe000u);
  let scale = select(exact, rounded, exact >= 0x1p-14 && exact <= 65504.0);
  return bitcast<f32>(bitcast<u32>(scale) | bitcast<u32>(found[1]));
}

fn inverse_of_group(found: array<f32, 2>) -> f32 {
  if (found[0] > 0.0) { return 127.0 / found[0]; }
  return 0.0;
}

// Halves go away from zero.
fn codes_of_four(four: vec4<f32>, inverse: f32) -> vec4<f32> {
  let steps = four * inverse;
  return sign(steps) * floor(abs(steps) + 0.5);
}
