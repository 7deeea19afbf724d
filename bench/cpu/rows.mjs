// What is timed: how the two programs are asked, and how many tokens that makes.

const deep = 4096;
/** Behind prompts of 16 tokens: what is timed is the decoding. */
const batched = (sequences) => ({
  sequences,
  context: 256,
  command: (quick) => ["batch", quick ? 8 : 16, sequences, 16],
  tokens: (quick) => sequences * (quick ? 8 : 16),
});

/** Of small models: as many tokens as fit their context. */
export const shortRow = { sequences: 1, context: 256, command: () => ["decode", 200, 0], tokens: () => 200 };

/** By the name on the command line. `context`: positions that a sequence may take. */
export const rows = {
  prefill: { sequences: 1, context: 1024, command: () => ["prefill", 512], tokens: () => 512 },
  decode: {
    sequences: 1, context: 1024,
    command: (quick) => ["decode", quick ? 32 : 128, 0], tokens: (quick) => (quick ? 32 : 128),
  },
  deep: {
    sequences: 1, context: deep + 256, depth: deep,
    command: (quick) => ["decode", quick ? 32 : 128, deep], tokens: (quick) => (quick ? 32 : 128),
  },
  batch2: batched(2),
  batch4: batched(4),
  batch8: batched(8),
  batch16: batched(16),
};

/** One artifact of llmir serves all rows. */
export const capacity = { contextLength: deep + 256, maxTokens: 512, maxSequences: 16 };
