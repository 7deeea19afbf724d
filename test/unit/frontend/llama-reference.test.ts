// The imported graph of a trained model, run by the reference evaluator, against a float64 program of others.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import type { ImportedModel } from "../../../src/frontend/index.js";
import { importModel } from "../../../src/frontend/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import type { ConstantCache, KvCacheType, KvCacheValue, TensorValue } from "../../../src/ir/index.js";
import {
  coreRegistry, createConstantCache, emptyCache, evaluateStep, requireFunction, stepInputs, valueType,
} from "../../../src/ir/index.js";
import { likeliest } from "../../../src/runtime/sampling.js";
import { inTemporaryFolder, requireSharedModel, tinyLlama, writeRandomLlama } from "../../support/models.js";

const { files } = createNodeHost();

/** Activations are binary32 where the reference has binary64, over five layers of at most 172 products. */
const logitTolerance = 2e-4;

interface Session {
  readonly model: ImportedModel;
  readonly constants: ConstantCache;
  cache: KvCacheValue;
}

function openSession(folder: string): Session {
  const imported = importModel(folder, files, { blockSize: 16 });
  if (!imported.ok) throw new Error(imported.diagnostics[0]?.message);
  const model = imported.value;
  const step = requireFunction(model.module, "step");
  const type = valueType(step, step.params[7]!) as KvCacheType;
  return { model, constants: createConstantCache(), cache: emptyCache(type, model.contextLength / 16) };
}

/** Runs tokens of one sequence from a position; logits of every token. */
function run(session: Session, tokens: readonly number[], start: number): TensorValue {
  const { weights } = session.model;
  if (weights === undefined) throw new Error("the model has weights");
  const blocks = Array.from({ length: session.cache.blocks }, (_, i) => session.cache.blocks - 1 - i);
  const inputs = stepInputs({
    tokens,
    positions: tokens.map((_, i) => start + i),
    sequences: tokens.map(() => 0),
    rows: tokens.map((_, i) => i),
    blockTable: [blocks],
    cache: session.cache,
  });
  const { logits, cache } = evaluateStep(session.model.module, inputs, {
    registry: coreRegistry,
    weights: (name) => weights.read(name),
    constants: session.constants,
    ownsArguments: true,
  });
  session.cache = cache;
  return logits;
}

function lastRow({ data, shape }: TensorValue): Float32Array {
  return (data as Float32Array).subarray(data.length - shape[1]!);
}

const stories = requireSharedModel("stories260K-hf");

describe.skipIf(stories === "")("stories260K", () => {
  const reference = stories === "" ? undefined : JSON.parse(readFileSync(join(stories, "..", "reference.json"), "utf8"));

  test("gives the reference's logits after seventeen tokens", () => {
    const { ids_from_bos, logits_after_first_17_ids } = reference.greedy.stories260K;
    const row = lastRow(run(openSession(stories), ids_from_bos.slice(0, 17), 0));
    const ranked = [...row.keys()].sort((a, b) => row[b]! - row[a]!).slice(0, 8);
    expect(ranked).toEqual(logits_after_first_17_ids.top8.map(([id]: [number]) => id));
    for (const [id, logit] of logits_after_first_17_ids.top8) {
      expect(Math.abs(row[id]! - logit)).toBeLessThan(logitTolerance);
    }
  });

  test("writes the reference's text greedily, one token at a time", () => {
    const expected: readonly number[] = reference.greedy.stories260K.ids_from_bos.slice(0, 40);
    const session = openSession(stories);
    const written = [expected[0]!];
    while (written.length < expected.length) {
      written.push(likeliest(lastRow(run(session, written.slice(-1), written.length - 1))));
    }
    expect(written).toEqual(expected);
  });
});

test("a prompt at once, in two parts, and token by token give the same logits", () => inTemporaryFolder((folder) => {
  writeRandomLlama(folder, tinyLlama, 5);
  const tokens = [256, 72, 101, 108, 108, 111];
  const parts = [[6], [4, 2], [1, 1, 1, 1, 1, 1]].map((sizes) => {
    const session = openSession(folder);
    let start = 0;
    let last = new Float32Array();
    for (const size of sizes) {
      last = Float32Array.from(lastRow(run(session, tokens.slice(start, start + size), start)));
      start += size;
    }
    session.model.weights?.close();
    return last;
  });
  const whole = parts[0]!;
  expect(whole.some((each) => Math.abs(each) > 0.1)).toBe(true);
  for (const other of parts.slice(1)) {
    other.forEach((each, i) => expect(Math.abs(each - whole[i]!)).toBeLessThan(1e-5));
  }
}));
