// Whole models of K-quants, compiled, against what they mean: each format by itself, and mixed over tensors
// and layers as Q4_K_M mixes them, so that layers fall into ranges with constants of their own.

import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import type { Random } from "../../src/base/index.js";
import { createRandom, toHalfBits } from "../../src/base/index.js";
import { codeFormat } from "../../src/frontend/gguf/block-codes.js";
import { blockTypeNamed, blockTypes } from "../../src/frontend/gguf/block-types.js";
import { quickHost } from "../support/all-targets.js";
import { largest, loadForTest, logitsOf, raggedSteps } from "../support/compare-executors.js";
import type { GgufSpec } from "../support/gguf.js";
import { writeGgufFile } from "../support/gguf.js";
import { inTemporaryFolder } from "../support/models.js";
import { firstDifference, modelTolerance } from "../support/tolerances.js";

const hasCompiler = spawnSync(process.env["CC"] ?? "gcc", ["--version"]).status === 0;
if (!hasCompiler) console.warn("skipped: models on C need a compiler, and there is none");

const [width, inner, heads, kvHeads, vocabulary] = [256, 512, 4, 2, 96];

/** Largest factor of a group's scale, and largest code, by format: for weights of about 1 / 16. */
const spans = { Q4_K: 63 * 15, Q5_K: 63 * 31, Q6_K: 127 * 32 } as const;
type Format = keyof typeof spans;

/** Blocks of drawn codes and factors; the two halves of each are small and of one size. */
function drawBlocks(name: Format, count: number, random: Random): Uint8Array {
  const type = blockTypeNamed(name);
  const format = codeFormat(name);
  if (type === undefined || format === undefined) throw new Error(`${name} is in the tables`);
  const bytes = Uint8Array.from({ length: (count / type.elements) * type.bytes }, () => random.below(256));
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += type.bytes) {
    const scale = (0.2 + 0.1 * random.next()) / spans[name];
    view.setUint16(at + format.scale, toHalfBits(scale), true);
    // Minima that take the codes' mean away: of six bits, as their scales.
    if (format.minimum !== undefined) view.setUint16(at + format.minimum.at, toHalfBits(0.1 / 63), true);
  }
  return bytes;
}

function floats(count: number, draw: () => number): Uint8Array {
  return new Uint8Array(Float32Array.from({ length: count }, draw).buffer);
}

interface Mix {
  readonly layers: number;
  /** The format of a matrix by its name and layer; -1: of none. */
  readonly choose: (name: string, layer: number) => Format;
  /** Runs of layers that are alike, each a function. */
  readonly ranges: number;
}

function mixedModel({ layers, choose }: Mix, random: Random): GgufSpec {
  const typeIds = new Map([...blockTypes].map(([id, { name }]) => [name, id]));
  const tensor = (name: string, layer: number, shape: readonly [number, number]) => {
    const format = choose(name, layer);
    const path = layer < 0 ? name : `blk.${layer}.${name}`;
    const bytes = drawBlocks(format, shape[0] * shape[1], random);
    return { name: `${path}.weight`, extents: shape.toReversed(), type: typeIds.get(format) ?? -1, bytes };
  };
  const norm = (name: string) => ({
    name: `${name}.weight`, extents: [width], type: 0, bytes: floats(width, () => 1 + 0.1 * random.normal()),
  });
  const kvWidth = (width / heads) * kvHeads;
  const layer = (i: number) => [
    norm(`blk.${i}.attn_norm`), norm(`blk.${i}.ffn_norm`),
    tensor("attn_q", i, [width, width]), tensor("attn_k", i, [kvWidth, width]),
    tensor("attn_v", i, [kvWidth, width]), tensor("attn_output", i, [width, width]),
    tensor("ffn_gate", i, [inner, width]), tensor("ffn_up", i, [inner, width]),
    tensor("ffn_down", i, [width, inner]),
  ];
  const number = (value: number) => ({ type: "u32", value }) as const;
  return {
    metadata: {
      "general.architecture": { type: "string", value: "llama" },
      "llama.block_count": number(layers),
      "llama.embedding_length": number(width),
      "llama.feed_forward_length": number(inner),
      "llama.attention.head_count": number(heads),
      "llama.attention.head_count_kv": number(kvHeads),
      "llama.context_length": number(64),
      "llama.attention.layer_norm_rms_epsilon": { type: "f32", value: 1e-5 },
      "tokenizer.ggml.model": { type: "string", value: "llama" },
      "tokenizer.ggml.tokens": {
        type: "list", of: "string", values: Array.from({ length: vocabulary }, (_, id) => `t${id}`),
      },
    },
    tensors: [
      tensor("token_embd", -1, [vocabulary, width]), norm("output_norm"), tensor("output", -1, [vocabulary, width]),
      ...Array.from({ length: layers }, (_, i) => layer(i)).flat(),
    ],
  };
}

/** As llama.cpp mixes six layers: more bits for the head, and for `attn_v` and `ffn_down` of two layers. */
function asQ4KM(name: string, layer: number): Format {
  const isSensitive = layer % 3 === 2 && (name === "attn_v" || name === "ffn_down");
  return name === "output" || isSensitive ? "Q6_K" : "Q4_K";
}

const mixes: readonly (readonly [string, Mix])[] = [
  ["Q4_K", { layers: 2, choose: () => "Q4_K", ranges: 1 }],
  ["Q5_K", { layers: 2, choose: () => "Q5_K", ranges: 1 }],
  ["Q6_K", { layers: 2, choose: () => "Q6_K", ranges: 1 }],
  ["Q4_K_M", { layers: 6, choose: asQ4KM, ranges: 4 }],
];

describe.skipIf(!hasCompiler)("a whole model in", () => {
  test.each(mixes)("%s gives the logits that it means", { timeout: 120_000 }, (_, mix) =>
    inTemporaryFolder(async (folder) => {
      const path = writeGgufFile(join(folder, "m.gguf"), mixedModel(mix, createRandom(6)));
      const exactly = { maxTokens: 16, kvDtype: "f32", activations: "exact" } as const;
      const meant = await loadForTest(path, folder, { ...exactly, executor: "reference" });
      const expected = await logitsOf(meant.runner, raggedSteps, 4);
      const functions = meant.compilation.model.module.functions.map(({ name }) => name);
      await meant.close();
      expect(functions).toHaveLength(mix.ranges + 1);
      const size = largest(expected);
      expect(size).toBeGreaterThan(0.1);
      // Exact, and with activations of 8 bits: each product is off by half a step of 1 / 127 of the largest.
      const rounding = { absolute: ((7 * mix.layers + 1) / 254) * size, relative: 0 };
      const ways = [
        { options: exactly, tolerance: modelTolerance(mix.layers, inner, size) },
        { options: { ...exactly, activations: "rounded" }, tolerance: rounding },
      ] as const;
      for (const { options, tolerance } of ways) {
        const native = await loadForTest(path, folder, { ...options, threads: 2 }, quickHost(folder));
        const logits = await logitsOf(native.runner, raggedSteps, 4);
        const formats = native.compilation.plan.weights.entries.flatMap(({ type }) =>
          type.kind === "packed" ? [type.format] : []);
        await native.close();
        logits.forEach((row, i) => expect(firstDifference(row, expected[i]!, tolerance)).toBeUndefined());
        // Where activations are rounded, codes stay codes.
        if (options.activations === "rounded") expect(formats).toContainEqual(expect.stringMatching(/^q[4-8]_/));
      }
    }));
});
