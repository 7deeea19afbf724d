// Sine and cosine to two units in the last place for angles up to 2^18; WGSL promises 2^-11 between -pi and
// pi, which is not enough for positions. Reduction by multiples of pi / 2 in parts whose products are exact
// (Cody and Waite), the polynomials of Cephes.
struct Quarter {
  turns: i32,
  angle: f32,
}

fn quarter_turns(x: f32) -> Quarter {
  let n = round(x * 0.636619772);
  let high = trunc(n * 0.00390625) * 256.0;
  let low = n - high;
  var r = x - high * 1.5703125;
  r = r - low * 1.5703125;
  r = r - high * 4.837512969970703125e-4;
  r = r - low * 4.837512969970703125e-4;
  r = r - n * 7.5497899548918821e-8;
  return Quarter(i32(n), r);
}

fn near_sine(r: f32) -> f32 {
  let z = r * r;
  let p = fma(fma(-1.9515295891e-4, z, 8.3321608736e-3), z, -1.6666654611e-1);
  return fma(p * z, r, r);
}

fn near_cosine(r: f32) -> f32 {
  let z = r * r;
  let p = fma(fma(2.443315711809948e-5, z, -1.388731625493765e-3), z, 4.166664568298827e-2);
  return fma(p * z, z, fma(-0.5, z, 1.0));
}

fn sine(x: f32) -> f32 {
  let quarter = quarter_turns(x);
  let value = select(near_sine(quarter.angle), near_cosine(quarter.angle), (quarter.turns & 1) != 0);
  return select(value, -value, (quarter.turns & 2) != 0);
}

fn cosine(x: f32) -> f32 {
  let quarter = quarter_turns(x);
  let value = select(near_cosine(quarter.angle), near_sine(quarter.angle), (quarter.turns & 1) != 0);
  return select(value, -value, ((quarter.turns + 1) & 2) != 0);
}
