// The natural logarithm after Cephes: x = m 2^e with m around 1. WGSL promises 3 units in the last place only
// away from 1.
fn logarithm(x: f32) -> f32 {
  if (x == 0.0) { return -infinity(); }
  if (x < 0.0) { return not_a_number(); }
  if (bitcast<u32>(x) >= 0x7f800000u) { return x; }
  let small = x < 1.17549435e-38;
  let bits = bitcast<u32>(select(x, x * 8388608.0, small));
  var e = i32(bits >> 23u) - select(126, 149, small);
  var m = bitcast<f32>((bits & 0x7fffffu) | 0x3f000000u);
  if (m < 0.70710678) {
    m = m + m;
    e = e - 1;
  }
  let r = m - 1.0;
  let z = r * r;
  var p = 7.0376836292e-2;
  p = fma(p, r, -1.1514610310e-1);
  p = fma(p, r, 1.1676998740e-1);
  p = fma(p, r, -1.2420140846e-1);
  p = fma(p, r, 1.4249322787e-1);
  p = fma(p, r, -1.6668057665e-1);
  p = fma(p, r, 2.0000714765e-1);
  p = fma(p, r, -2.4999993993e-1);
  p = fma(p, r, 3.3333331174e-1);
  let n = f32(e);
  let tail = fma(-0.5, z, fma(n, -2.12194440e-4, p * r * z));
  return fma(n, 0.693359375, r + tail);
}
