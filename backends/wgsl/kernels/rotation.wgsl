// Pair i of a head as it lies in a row: halves i and i + HEAD_DIM / 2, or interleaved 2 i and 2 i + 1.
fn first_of_pair(pair: i32) -> i32 { return select(pair, 2 * pair, INTERLEAVED); }

fn second_of_pair(pair: i32) -> i32 { return select(pair + HEAD_DIM / 2, 2 * pair + 1, INTERLEAVED); }

fn turned(pair: vec2<f32>, angle: f32) -> vec2<f32> {
  let c = cosine(angle);
  let s = sine(angle);
  return vec2<f32>(pair.x * c - pair.y * s, pair.x * s + pair.y * c);
}
