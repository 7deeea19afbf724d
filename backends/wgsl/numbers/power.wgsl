// x to the power y, as C has it: a negative base wants a whole exponent.
fn power(x: f32, y: f32) -> f32 {
  if (y == 0.0 || x == 1.0) { return 1.0; }
  let size = exponential(y * logarithm(abs(x)));
  if (x >= 0.0) { return size; }
  if (y != trunc(y)) { return not_a_number(); }
  let odd = abs(y) < 16777216.0 && (i32(y) & 1) != 0;
  return select(size, -size, odd);
}
