// loop_softmax: [2, T, C] = softmax([2, T, C])
//
//   layer_decode: made [2, T, C]

struct Step {
  T: i32, S: i32, R: i32, C: i32, B: i32, P: i32,
  layer: i32,
}
@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> arena: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

// Where operands begin, in words.
override x_at: i32;

fn read_x(i: i32) -> f32 { return arena[x_at + i]; }

fn write_result(i: i32, value: f32) { output[i] = value; }

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

var<workgroup> greatest_lanes: array<f32, 64>;
var<workgroup> total_lanes: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let C = step.C;
  let T = step.T;
  let unit = i32(group.y * groups.x + group.x);
  if (unit >= 2 * T) { return; }
  let i0 = unit / T;
  let i1 = unit % T;
  let lane_ = i32(lane);
  var greatest: f32 = -infinity();
  var greatest_lane: f32 = -infinity();
  for (var m = lane_; m < C; m += 64) {
    greatest_lane = larger(greatest_lane, read_x((i0 * T + i1) * C + m));
  }
  greatest_lanes[lane_] = greatest_lane;
  var width: i32 = 32;
  for (var half = 0; half < 6; half++) {
    workgroupBarrier();
    if (lane_ < width) {
      greatest_lanes[lane_] = larger(greatest_lanes[lane_], greatest_lanes[lane_ + width]);
    }
    width = width / 2;
  }
  workgroupBarrier();
  greatest = larger(greatest, greatest_lanes[0]);
  var total: f32 = 0.0;
  var total_lane: f32 = 0.0;
  for (var s = lane_; s < C; s += 64) {
    total_lane = total_lane + exponential(read_x((i0 * T + i1) * C + s) - greatest);
  }
  total_lanes[lane_] = total_lane;
  var width_2: i32 = 32;
  for (var half_2 = 0; half_2 < 6; half_2++) {
    workgroupBarrier();
    if (lane_ < width_2) {
      total_lanes[lane_] = total_lanes[lane_] + total_lanes[lane_ + width_2];
    }
    width_2 = width_2 / 2;
  }
  workgroupBarrier();
  total = total + total_lanes[0];
  for (var r = lane_; r < C; r += 64) {
    write_result((i0 * T + i1) * C + r, exponential(read_x((i0 * T + i1) * C + r) - greatest) / total);
  }
}
