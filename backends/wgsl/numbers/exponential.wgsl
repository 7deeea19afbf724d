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
