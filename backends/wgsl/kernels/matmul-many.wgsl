// out = x w for many rows of x: bound by arithmetic.
//
// A workgroup computes a tile of 32 rows and one panel of 64 columns. Tiles of x and of w pass through
// workgroup memory, 32 rows of w at a time; each of the 256 invocations owns 8 rows of one column.
//
// Before it stand K, N, PADDED_K, `weights_8` of a format, how numbers of x are rounded, the start of a sum,
// and the readers and writers of x, w, addend and result. Rows of x that the step does not have count as zero.
const LANES = 64;
const TILE = 32;
const OWN = 8;

// The first panel that this dispatch sees of a matrix that is bound in parts.
override first_panel: i32 = 0;

var<workgroup> tile_x: array<vec4<f32>, TILE * 8>;
var<workgroup> tile_w: array<vec4<f32>, LANES * 8>;

@compute @workgroup_size(LANES, 4)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let lane = i32(index) % LANES;
  let quarter = i32(index) / LANES;
  let panel = i32(group.x);
  let first_token = i32(group.y) * TILE;
  var sums: array<f32, OWN>;
  for (var chunk = 0; chunk < PADDED_K; chunk += 32) {
    tile_x[index] = four_of_x(first_token + i32(index) / 8, chunk + i32(index) % 8 * 4);
    let w = weights_8(panel, chunk / 8 + quarter, lane);
    tile_w[quarter * 2 * LANES + lane] = w[0];
    tile_w[(quarter * 2 + 1) * LANES + lane] = w[1];
    workgroupBarrier();
    for (var k = 0; k < 8; k++) {
      let four = tile_w[k * LANES + lane];
      for (var i = 0; i < OWN; i++) { sums[i] += dot(tile_x[(quarter * OWN + i) * 8 + k], four); }
    }
    workgroupBarrier();
  }
  let column = (first_panel + panel) * LANES + lane;
  if (column >= N) { return; }
  for (var i = 0; i < OWN; i++) {
    let row = first_token + quarter * OWN + i;
    if (row < row_count()) { write_result(row * N + column, start_of(row * N + column) + sums[i]); }
  }
}

fn four_of_x(token: i32, column: i32) -> vec4<f32> {
  var four = vec4<f32>();
  if (token >= row_count()) { return four; }
  for (var k = 0; k < 4; k++) {
    if (column + k < K) { four[k] = number_of_x(token * K + column + k); }
  }
  return four;
}
