// What WGSL has no literals for, and maxima that keep a NaN. A variable hides the bits from the compiler,
// which refuses constants that are not finite.
var<private> infinity_bits: u32 = 0x7f800000u;
var<private> not_a_number_bits: u32 = 0x7fc00000u;

fn infinity() -> f32 { return bitcast<f32>(infinity_bits); }

fn not_a_number() -> f32 { return bitcast<f32>(not_a_number_bits); }

fn is_nan(value: f32) -> bool { return (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u; }

fn larger(a: f32, b: f32) -> f32 { return select(b, a, a > b || is_nan(a)); }

fn smaller(a: f32, b: f32) -> f32 { return select(b, a, a < b || is_nan(a)); }

// Towards zero, to the nearest end of the range when outside; a NaN becomes 0.
fn to_i32(value: f32) -> i32 {
  return select(i32(clamp(value, -2147483648.0, 2147483520.0)), 0, is_nan(value));
}

// Halves go away from zero, as in C.
fn round_away(value: f32) -> f32 {
  let whole = trunc(value);
  return select(whole, whole + sign(value), abs(value - whole) >= 0.5);
}
