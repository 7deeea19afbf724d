// Rows of x become 8-bit codes times their scale once they are staged: each group of GROUP columns, which
// divides a stage, has a scale of its own.
const ROUNDS = true;

fn number_of_x(index: i32) -> f32 { return read_x(index); }

fn round_staged(index: i32) {
  for (var group = index; group < TOKENS * STAGE / GROUP; group += LANES * SLICES) {
    let first = group * (GROUP / 4);
    var found = array<f32, 2>();
    for (var i = 0; i < GROUP / 4; i++) { found = with_four(found, staged[first + i]); }
    let scale = scale_of_group(found);
    let inverse = inverse_of_group(found);
    for (var i = 0; i < GROUP / 4; i++) { staged[first + i] = codes_of_four(staged[first + i], inverse) * scale; }
  }
}
