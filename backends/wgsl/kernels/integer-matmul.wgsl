// out = x w, rows of x rounded to 8 bits: each group of columns that meets one scale of w has a scale of its
// own, and products of four codes are one instruction. One row of x a workgroup, one panel of 64 columns.
//
// The 256 invocations are 64 columns by 4 slices of the groups; slices are summed at the end. Rows of x pass
// through workgroup memory, STAGE columns at a time, first as they are, then as codes.
//
// Before it stand K, N, GROUP, which divides STAGE, the rounding of a group, and the readers and writers of x, w, addend and
// result. Panels are blocks of 64 f16 scales (8 vectors), then 16 rows of a column in 16 bytes.
const LANES = 64;
const SLICES = 4;
const STAGE = 512;
const BLOCK_VECTORS = 8 + GROUP / 16 * 64;

// The first panel that this dispatch sees of a matrix that is bound in parts.
override first_panel: i32 = 0;

var<workgroup> staged: array<f32, STAGE>;
var<workgroup> codes: array<u32, STAGE / 4>;
var<workgroup> scales: array<f32, STAGE / GROUP>;
var<workgroup> steps: array<f32, STAGE / GROUP>;
var<workgroup> partial: array<f32, LANES * SLICES>;

@compute @workgroup_size(LANES, SLICES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local_index: u32) {
  let index = i32(local_index);
  let lane = index % LANES;
  let slice = index / LANES;
  let panel = i32(group.x);
  let row = i32(group.y);
  var sum = 0.0;
  for (var first = 0; first < K; first += STAGE) {
    for (var i = index; i < STAGE; i += LANES * SLICES) {
      staged[i] = 0.0;
      if (first + i < K) { staged[i] = read_x(row * K + first + i); }
    }
    workgroupBarrier();
    if (index < STAGE / GROUP) { find_scale(index); }
    workgroupBarrier();
    if (index < STAGE / 4) { round_four(index); }
    workgroupBarrier();
    let width = min(STAGE, K - first);
    for (var g = slice; g * GROUP < width; g += SLICES) {
      sum += product_of(panel, first / GROUP + g, g, lane) * scales[g];
    }
    workgroupBarrier();
  }
  partial[slice * LANES + lane] = sum;
  workgroupBarrier();
  let column = (first_panel + panel) * LANES + lane;
  if (slice > 0 || column >= N) { return; }
  var total = 0.0;
  for (var s = 0; s < SLICES; s++) { total += partial[s * LANES + lane]; }
  write_result(row * N + column, start_of(row * N + column) + total);
}

fn find_scale(g: i32) {
  var found = array<f32, 2>();
  for (var i = 0; i < GROUP; i += 4) { found = with_four(found, four_at(g * GROUP + i)); }
  scales[g] = scale_of_group(found);
  steps[g] = inverse_of_group(found);
}

fn four_at(i: i32) -> vec4<f32> { return vec4<f32>(staged[i], staged[i + 1], staged[i + 2], staged[i + 3]); }

fn round_four(i: i32) { codes[i] = pack4xI8(vec4<i32>(codes_of_four(four_at(4 * i), steps[i * 4 / GROUP]))); }

// Codes of a group of x times those of a column, times the column's scale.
fn product_of(panel: i32, of_column: i32, of_row: i32, lane: i32) -> f32 {
  let block = (panel * (K / GROUP) + of_column) * BLOCK_VECTORS;
  let pair = unpack2x16float(read_w(block + lane / 8)[(lane / 2) % 4]);
  let scale = select(pair.x, pair.y, lane % 2 == 1);
  var dots = 0;
  for (var v = 0; v < GROUP / 16; v++) {
    let words = read_w(block + 8 + v * 64 + lane);
    let at = (of_row * GROUP + v * 16) / 4;
    dots += dot4I8Packed(words.x, codes[at]) + dot4I8Packed(words.y, codes[at + 1]);
    dots += dot4I8Packed(words.z, codes[at + 2]) + dot4I8Packed(words.w, codes[at + 3]);
  }
  return f32(dots) * scale;
}
