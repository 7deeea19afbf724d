// erf: its series around 0, elsewhere 1 - erfc with the rational approximation of Numerical Recipes (erfcc,
// relative error 1.2e-7).
fn error_function(x: f32) -> f32 {
  let z = x * x;
  var s = 1.0 / 9360.0;
  s = fma(s, z, -1.0 / 1320.0);
  s = fma(s, z, 1.0 / 216.0);
  s = fma(s, z, -1.0 / 42.0);
  s = fma(s, z, 0.1);
  s = fma(s, z, -1.0 / 3.0);
  let near = 1.128379167 * fma(s * z, x, x);
  let size = abs(x);
  let t = 1.0 / fma(0.5, size, 1.0);
  var p = 0.17087277;
  p = fma(p, t, -0.82215223);
  p = fma(p, t, 1.48851587);
  p = fma(p, t, -1.13520398);
  p = fma(p, t, 0.27886807);
  p = fma(p, t, -0.18628806);
  p = fma(p, t, 0.09678418);
  p = fma(p, t, 0.37409196);
  p = fma(p, t, 1.00002368);
  p = fma(p, t, -1.26551223);
  let complement = t * exponential(p - z);
  return select(sign(x) * (1.0 - complement), near, size < 0.5);
}
