/**
 * Qwen 2 and 3: Llama's decoder, with a bias on queries, keys and values (2) or norms of queries and keys
 * (3). Both may attend over a window from some layer on; all layers or none can be built, since one
 * function stands for them.
 */

import type { Architecture } from "./architecture.js";
import type { FieldReader } from "./config-fields.js";
import { readBiasFlag, readWindow } from "./config.js";
import { decoder } from "./decoder.js";

export const qwen2: Architecture = {
  name: "Qwen2ForCausalLM",
  modelType: "qwen2",
  ggufName: "qwen2",
  ...decoder,
  readTraits: (fields) => ({ attentionBias: "inputs", queryKeyNorm: false, slidingWindow: readSwitchedWindow(fields) }),
};

export const qwen3: Architecture = {
  name: "Qwen3ForCausalLM",
  modelType: "qwen3",
  ggufName: "qwen3",
  ...decoder,
  readTraits: (fields) => ({
    attentionBias: readBiasFlag(fields),
    queryKeyNorm: true,
    slidingWindow: readSwitchedWindow(fields),
  }),
};

/** `sliding_window` counts where `use_sliding_window` says so, in the layers from `max_window_layers` on. */
function readSwitchedWindow(fields: FieldReader): number | undefined {
  if (!fields.flag("use_sliding_window")) return undefined;
  const layers = fields.integer("num_hidden_layers", { min: 1, max: 4096, fallback: 1 });
  const first = fields.integer("max_window_layers", { min: 0, max: 1 << 20, fallback: 28 });
  if (first >= layers) return undefined;
  if (first > 0) fields.refuse("max_window_layers", "a window in some of the layers is not supported");
  return readWindow(fields);
}
