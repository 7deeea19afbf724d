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
