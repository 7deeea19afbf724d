// matmul_add_few_q8_g32_64x37: result[T, 37] = addend + x[T, 64] w[64, 37], w as q8_columns64_g32
//
//   layer_decode: made [T, 37]

struct Step {
  T: i32, S: i32, R: i32, C: i32, B: i32, P: i32,
  layer: i32,
}
@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> arena: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

const K: i32 = 64;
const N: i32 = 37;
const PADDED_K: i32 = 64;
const GROUP: i32 = 32;
const TOKENS: i32 = 4;

// Where operands begin, in words.
override x_at: i32;
override addend_at: i32;

fn read_x(i: i32) -> f32 { return arena[x_at + i]; }

fn read_w(i: i32) -> vec4<u32> { return w[i]; }

fn read_addend(i: i32) -> f32 { return arena[addend_at + i]; }

fn write_result(i: i32, value: f32) { output[i] = value; }

fn row_count() -> i32 { return step.T; }

// Panels of 8-bit codes: blocks of 64 f16 scales (8 vectors), then 16 rows of a column in 16 bytes.
const BLOCK_VECTORS = 8 + GROUP / 16 * 64;

fn codes_of(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<i32>(bitcast<i32>(word)) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u));
}

fn weights_8(panel: i32, eighth: i32, lane: i32) -> mat2x4<f32> {
  let row = eighth * 8;
  let block = (panel * (K / GROUP) + row / GROUP) * BLOCK_VECTORS;
  let pair = unpack2x16float(read_w(block + lane / 8)[(lane / 2) % 4]);
  let scale = select(pair.x, pair.y, lane % 2 == 1);
  let words = read_w(block + 8 + row % GROUP / 16 * 64 + lane);
  let own = select(words.xy, words.zw, eighth % 2 == 1);
  return mat2x4<f32>(codes_of(own.x) * scale, codes_of(own.y) * scale);
}

// A product that starts from a tensor of its own shape.
fn start_of(index: i32) -> f32 { return read_addend(index); }

// Rows of x are multiplied as they are.
const ROUNDS = false;

fn number_of_x(index: i32) -> f32 { return read_x(index); }

fn round_staged(index: i32) {}

// out = x w for few rows of x: bound by reading w, which is read once for up to TOKENS rows.
//
// A workgroup computes TOKENS rows of one panel of 64 columns. Its 256 invocations are 64 columns by 4
// slices of the rows of w; slices are summed at the end. Rows of x pass through workgroup memory, STAGE
// columns at a time.
//
// Before it stand K, N, PADDED_K, TOKENS, `weights_8` of a format, how rows of x are rounded, the start of a
// sum, and the readers and writers of x, w, addend and result. Rows of x that the step does not have count as
// zero.
const LANES = 64;
const SLICES = 4;
const STAGE = 512;

// The first panel that this dispatch sees of a matrix that is bound in parts.
override first_panel: i32 = 0;

var<workgroup> staged: array<vec4<f32>, TOKENS * STAGE / 4>;
var<workgroup> partial: array<f32, TOKENS * LANES * SLICES>;

@compute @workgroup_size(LANES, SLICES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let lane = i32(index) % LANES;
  let slice = i32(index) / LANES;
  let panel = i32(group.x);
  let first_token = i32(group.y) * TOKENS;
  var sums: array<f32, TOKENS>;
  for (var first = 0; first < K; first += STAGE) {
    stage(first, first_token, i32(index));
    if (ROUNDS) {
      workgroupBarrier();
      round_staged(i32(index));
    }
    workgroupBarrier();
    let end = min(STAGE, PADDED_K - first);
    for (var chunk = slice * 32; chunk < end; chunk += SLICES * 32) {
      for (var part = 0; part < 4; part++) {
        let row = chunk + part * 8;
        let w = weights_8(panel, (first + row) / 8, lane);
        for (var token = 0; token < TOKENS; token++) {
          let at = (token * STAGE + row) / 4;
          sums[token] += dot(staged[at], w[0]) + dot(staged[at + 1], w[1]);
        }
      }
    }
    workgroupBarrier();
  }
  for (var token = 0; token < TOKENS; token++) {
    partial[(token * SLICES + slice) * LANES + lane] = sums[token];
  }
  workgroupBarrier();
  // Slice s writes rows s, s + SLICES, …
  for (var token = slice; token < TOKENS; token += SLICES) {
    finish(first_token + token, token, (first_panel + panel) * LANES + lane, lane);
  }
}

// Columns first … first + STAGE - 1 of the rows, zeros behind the last.
fn stage(first: i32, first_token: i32, index: i32) {
  for (var i = index; i < TOKENS * STAGE / 4; i += LANES * SLICES) {
    let token = first_token + i / (STAGE / 4);
    let column = first + i % (STAGE / 4) * 4;
    var four = vec4<f32>();
    if (token < row_count()) {
      for (var k = 0; k < 4; k++) {
        if (column + k < K) { four[k] = number_of_x(token * K + column + k); }
      }
    }
    staged[i] = four;
  }
}

fn finish(row: i32, token: i32, column: i32, lane: i32) {
  if (row >= row_count() || column >= N) { return; }
  var total = 0.0;
  for (var s = 0; s < SLICES; s++) { total += partial[(token * SLICES + s) * LANES + lane]; }
  write_result(row * N + column, start_of(row * N + column) + total);
}
