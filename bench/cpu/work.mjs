// What one token asks of the machine at least: bytes of weights that are read, and operations of the
// products.

import { closeSync, openSync, readSync, fstatSync } from "node:fs";

/** `bytes`: of a file's matrices that decoding a token reads; `operations`: of a token of a long prompt. */
export function workOf(model, file) {
  const { hidden, inner, heads, kvHeads, headDim, layers, vocabulary, tied } = model;
  const attention = hidden * headDim * (2 * heads + 2 * kvHeads);
  const weights = layers * (attention + 3 * hidden * inner);
  const handle = openSync(file, "r");
  const { size } = fstatSync(handle);
  closeSync(handle);
  // All of the file but the words, unless the head is the table of tokens itself, which one row is read of.
  const table = tied ? 0 : (vocabulary * hidden * size) / (weights + 2 * vocabulary * hidden);
  return {
    bytes: size - table,
    operations: 2 * weights,
    isInteger: !file.includes("BF16"),
    cacheBytes: (depth) => 2 * depth * layers * kvHeads * headDim * 2,
  };
}
