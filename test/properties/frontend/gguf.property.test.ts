// Thousands of damaged GGUF files, each taken as far as a model is before it is compiled: header, import,
// every weight, tokenizer. Each is a model or a diagnostic, and costs no more than its bytes.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import type { Files, RandomAccessFile } from "../../../src/base/index.js";
import { createRandom } from "../../../src/base/index.js";
import type { Diagnostic } from "../../../src/diagnostics/index.js";
import { importModel } from "../../../src/frontend/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import { coreRegistry, verifyModule } from "../../../src/ir/index.js";
import { convertModel, loadTokenizer } from "../../../src/runtime/index.js";
import { mapHeader, mutate } from "../../support/gguf-mutants.js";
import { inTemporaryFolder, requireSharedModel, writeRandomLlama } from "../../support/models.js";

const { files: nodeFiles } = createNodeHost();
const path = "/mutant.gguf";

/** One file in memory, that counts what is read of it and fails where a real one would. */
function filesOf(bytes: Uint8Array, onRead: (length: number) => void): Files {
  const open = (): RandomAccessFile => ({
    path,
    sizeBytes: bytes.length,
    read: (offset, length) => {
      if (offset < 0 || length < 0 || offset + length > bytes.length) throw new RangeError("a read outside the file");
      onRead(length);
      return bytes.slice(offset, offset + length);
    },
    close: () => undefined,
  });
  return { ...nodeFiles, exists: () => true, isDirectory: () => false, resolve: (given) => given, open };
}

interface Outcome {
  readonly diagnostics: readonly Diagnostic[];
  readonly isModel: boolean;
  readonly isTokenizer: boolean;
}

/** As far as a file goes. Throws what a run would die of. */
function take(files: Files): Outcome {
  const imported = importModel(path, files, { blockSize: 16 });
  if (imported.ok) {
    const { module, weights } = imported.value;
    expect(verifyModule(module, coreRegistry)).toEqual([]);
    for (const name of weights?.names ?? []) {
      if (weights?.info(name).dtype !== undefined) weights.read(name);
    }
    weights?.close();
  }
  const tokenizer = loadTokenizer(path, files);
  if (tokenizer.ok) {
    const { encode, decode, vocabulary } = tokenizer.value;
    expect(encode("Once upon a time").every((id) => id >= 0 && id < vocabulary)).toBe(true);
    expect(typeof decode([0, 1, vocabulary - 1, vocabulary])).toBe("string");
  }
  const diagnostics = [...imported.diagnostics, ...tokenizer.diagnostics];
  return { diagnostics, isModel: imported.ok, isTokenizer: tokenizer.ok };
}

/** The damaged file is told by its seed, so that one that fails can be made again. */
function checkMutants(file: Uint8Array, first: number, count: number): void {
  const map = mapHeader(file);
  const whole = take(filesOf(file, () => undefined));
  expect([whole.isModel, whole.isTokenizer]).toEqual([true, true]);
  const tally = { models: 0, refused: 0, tokenizers: 0 };
  const codes = new Set<string>();
  for (let seed = first; seed < first + count; seed++) {
    const random = createRandom(seed);
    let mutant = mutate(file, map, random);
    if (random.below(4) === 0 && mutant.length > map.end) mutant = mutate(mutant, map, random);
    let read = 0;
    let outcome: Outcome;
    try {
      outcome = take(filesOf(mutant, (length) => (read += length)));
    } catch (error) {
      throw new Error(`the mutant of seed ${seed} fails`, { cause: error });
    }
    const { diagnostics, isModel, isTokenizer } = outcome;
    // Header and weights for the model, the header again for the tokenizer, in windows that may overlap.
    expect([seed, read <= 4 * mutant.length]).toEqual([seed, true]);
    expect([seed, diagnostics.length > 0]).toEqual([seed, !isModel || !isTokenizer]);
    expect([seed, diagnostics.length <= 41]).toEqual([seed, true]);
    for (const { code, message } of diagnostics) {
      expect([seed, code]).toEqual([seed, expect.stringMatching(/^model\//)]);
      expect([seed, message.length > 0 && message.length < 4096]).toEqual([seed, true]);
      codes.add(code);
    }
    tally[isModel ? "models" : "refused"] += 1;
    if (isTokenizer) tally.tokenizers += 1;
  }
  // All ends happen, or the test would show nothing.
  expect(Math.min(tally.models, tally.refused, tally.tokenizers)).toBeGreaterThan(count / 40);
  expect(codes.size).toBeGreaterThan(4);
}

describe("a damaged file is a model or a diagnostic", () => {
  const sizes = { layers: 2, headDim: 8, heads: 4, kvHeads: 2, hiddenSize: 32, intermediateSize: 64 };
  test.each(["q8_0", "q4_0", "f16"] as const)("made from one in %s with a byte-level vocabulary", { timeout: 240_000 }, (type) =>
    inTemporaryFolder((folder) => {
      const source = writeRandomLlama(join(folder, "source"), sizes, 3);
      const output = join(folder, "m.gguf");
      if (!convertModel(nodeFiles, { model: source, output, type }).ok) throw new Error("the model is converted");
      checkMutants(readFileSync(output), 1, 1500);
    }));

  const stories = requireSharedModel("stories260K-hf", "stories260K-f32.gguf");
  test.skipIf(stories === "")("made from the stories model with a SentencePiece vocabulary", { timeout: 240_000 }, () => {
    checkMutants(readFileSync(stories), 1, 1500);
  });
});
