// A product that starts from a tensor of its own shape.
fn start_of(index: i32) -> f32 { return read_addend(index); }
