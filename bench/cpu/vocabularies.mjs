// The smallest vocabularies of a given size that llama.cpp and llmir both load: single bytes, special
// tokens, and words that stand for nothing. No text passes through them here: tokens are random numbers.

const kinds = { normal: 1, unknown: 2, control: 3, byte: 6 };

/** Byte-level BPE with one merge; `cut` names how texts are cut before merging. */
export function byteLevelVocabulary(cut) {
  return (size) => {
    const tokens = ["<|begin|>", "<|end|>", ...byteLetters(), "ab"];
    const types = tokens.map((_, id) => (id < 2 ? kinds.control : kinds.normal));
    while (tokens.length < size) {
      types.push(kinds.normal);
      tokens.push(`word${tokens.length}`);
    }
    return [
      text("tokenizer.ggml.model", "gpt2"),
      text("tokenizer.ggml.pre", cut),
      strings("tokenizer.ggml.tokens", tokens),
      { key: "tokenizer.ggml.token_type", stored: { kind: "i32s", value: types } },
      strings("tokenizer.ggml.merges", ["a b"]),
      ...ends(0, 1),
    ];
  };
}

/** SentencePiece with a fallback to bytes. */
export function sentencePieceVocabulary(size) {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
  const tokens = ["<unk>", "<s>", "</s>", ...bytes];
  const types = tokens.map((_, id) => [kinds.unknown, kinds.control, kinds.control][id] ?? kinds.byte);
  while (tokens.length < size) {
    types.push(kinds.normal);
    tokens.push(`\u2581word${tokens.length}`);
  }
  return [
    text("tokenizer.ggml.model", "llama"),
    strings("tokenizer.ggml.tokens", tokens),
    { key: "tokenizer.ggml.scores", stored: { kind: "f32s", value: tokens.map((_, id) => -id) } },
    { key: "tokenizer.ggml.token_type", stored: { kind: "i32s", value: types } },
    { key: "tokenizer.ggml.unknown_token_id", stored: { kind: "u32", value: 0 } },
    ...ends(1, 2),
  ];
}

function text(key, value) {
  return { key, stored: { kind: "string", value } };
}

function strings(key, value) {
  return { key, stored: { kind: "strings", value } };
}

function ends(bos, eos) {
  return [
    { key: "tokenizer.ggml.bos_token_id", stored: { kind: "u32", value: bos } },
    { key: "tokenizer.ggml.eos_token_id", stored: { kind: "u32", value: eos } },
  ];
}

/** The letters that stand for bytes in byte-level vocabularies: printable ones for themselves. */
function byteLetters() {
  const isPrintable = (byte) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let others = 0;
  const letter = (byte) => String.fromCodePoint(isPrintable(byte) ? byte : 256 + others++);
  return Array.from({ length: 256 }, (_, byte) => letter(byte));
}
