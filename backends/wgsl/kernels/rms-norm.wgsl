// out = x / sqrt(mean(x^2) + EPSILON) * weight, one workgroup a row. Before it stand D and EPSILON.
const LANES = 64;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) index: u32,
) {
  let row = i32(group.y * groups.x + group.x);
  let lane = i32(index);
  var own = 0.0;
  if (row < row_count()) {
    for (var i = lane; i < D; i += LANES) {
      let value = read_x(row * D + i);
      own += value * value;
    }
  }
  partial[lane] = own;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) { partial[lane] += partial[lane + half]; }
  }
  workgroupBarrier();
  if (row >= row_count()) { return; }
  let scale = 1.0 / sqrt(partial[0] / f32(D) + EPSILON);
  for (var i = lane; i < D; i += LANES) {
    write_result(row * D + i, read_x(row * D + i) * scale * read_weight(i));
  }
}
