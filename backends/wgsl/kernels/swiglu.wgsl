// out = silu(gate) * up, both halves of a row of gate_up; one invocation an element. Before it stands F.
@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let unit = i32((group.y * groups.x + group.x) * 64u + lane);
  if (unit >= row_count() * F) { return; }
  let at = unit / F * 2 * F + unit % F;
  let gate = read_gate_up(at);
  write_result(unit, gate / (1.0 + exponential(-gate)) * read_gate_up(at + F));
}
