// Where the heads of one position of a sequence start in the keys and in the values of a layer,
// [P, BLOCK_SIZE, KV_HEADS, HEAD_DIM].
fn slot_of(sequence: i32, position: i32) -> i32 {
  let block = read_block_table(sequence * step.B + position / BLOCK_SIZE);
  return (block * BLOCK_SIZE + position % BLOCK_SIZE) * KV_HEADS * HEAD_DIM;
}
