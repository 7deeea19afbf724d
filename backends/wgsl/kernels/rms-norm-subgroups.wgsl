// out = x / sqrt(mean(x^2) + EPSILON) * weight, one workgroup a row. Subgroups add what their invocations have;
// only their sums pass through workgroup memory. Before it stand D and EPSILON.
const LANES = 64;

// Subgroups have four invocations at least.
var<workgroup> partial: array<f32, LANES / 4>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_size) size: u32,
  @builtin(subgroup_invocation_id) place: u32,
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
  let together = subgroupAdd(own);
  if (place == 0u) { partial[index / size] = together; }
  workgroupBarrier();
  if (row >= row_count()) { return; }
  var total = 0.0;
  for (var i = 0u; i < max(1u, u32(LANES) / size); i++) { total += partial[i]; }
  let scale = 1.0 / sqrt(total / f32(D) + EPSILON);
  for (var i = lane; i < D; i += LANES) {
    write_result(row * D + i, read_x(row * D + i) * scale * read_weight(i));
  }
}
