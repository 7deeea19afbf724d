/**
 * Mistral: Llama's decoder, early versions with attention over a window. In GGUF files it goes by the name
 * of Llama.
 */

import type { Architecture } from "./architecture.js";
import { readWindow } from "./config.js";
import { decoder } from "./decoder.js";

export const mistral: Architecture = {
  name: "MistralForCausalLM",
  modelType: "mistral",
  ggufName: "llama",
  ...decoder,
  readTraits: (fields) => ({ attentionBias: "none", queryKeyNorm: false, slidingWindow: readWindow(fields) }),
};
