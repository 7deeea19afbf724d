/** Llama, and the models that name themselves so: a decoder without norms of queries and keys. */

import type { Architecture } from "./architecture.js";
import { readBiasFlag, readWindow } from "./config.js";
import { decoder } from "./decoder.js";

export const llama: Architecture = {
  name: "LlamaForCausalLM",
  modelType: "llama",
  ggufName: "llama",
  ...decoder,
  readTraits: (fields) => ({
    attentionBias: readBiasFlag(fields),
    queryKeyNorm: false,
    slidingWindow: readWindow(fields),
  }),
};
