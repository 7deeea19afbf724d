// Attention over the paged cache as compiled code: contexts that are split into spans, runs of tokens that
// become tiles, windows, caches of 16 bits and of codes, and groups of heads of every size a register can
// hold.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { pagedAttention, pagedWindowAttention } from "../../../backends/c/rows/attention.js";
import { createRandom } from "../../../src/base/index.js";
import type { Attrs, KvCacheType } from "../../../src/ir/index.js";
import { inferType, roundHeads, tensor } from "../../../src/ir/index.js";
import { differences } from "../../support/kernel-cases.js";
import type { Tolerance } from "../../support/tolerances.js";
import { softmaxTolerance } from "../../support/tolerances.js";
import type { BuildOptions, Harness, KernelCase } from "./kernel-harness.js";
import { buildHarness, findTestCompiler, findTool } from "./kernel-harness.js";

const compiler = findTestCompiler();
const random = createRandom(11);

interface Shape {
  readonly queries: number;
  readonly heads: number;
  readonly headDim: number;
  readonly blockSize: number;
  readonly dtype: KvCacheType["dtype"];
}

/** Where each token of a batch stands: [sequence, first position, tokens]. */
type Run = readonly [sequence: number, first: number, tokens: number];

function attentionCase(shape: Shape, runs: readonly Run[], window?: number): KernelCase {
  const { queries, heads, headDim, blockSize, dtype } = shape;
  const places = runs.flatMap(([sequence, first, count]) =>
    Array.from({ length: count }, (_, i) => [sequence, first + i] as const),
  );
  const sequences = 1 + Math.max(...places.map(([sequence]) => sequence));
  const width = Math.ceil((1 + Math.max(...places.map(([, position]) => position))) / blockSize);
  const blocks = sequences * width + 1;
  const cache: KvCacheType = { kind: "kv_cache", layers: 2, blockSize, heads, headDim, dtype };
  const numbers = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => random.normal());
  const pool = (count: number): Float32Array => roundHeads(cache, numbers(count));
  const half = 2 * blocks * blockSize * heads * headDim;
  const dims = { T: places.length, S: sequences, B: width, P: blocks };
  const row = window === undefined ? pagedAttention : pagedWindowAttention;
  const attrs: Attrs = { scale: 1 / Math.sqrt(headDim), ...(window === undefined ? {} : { window }) };
  const operandTypes = [
    tensor("f32", "T", queries, headDim), cache, tensor("i32"), tensor("i32", "S", "B"), tensor("i32", "T"), tensor("i32", "T"),
  ];
  const ints = (shape: readonly number[], data: readonly number[]) =>
    ({ kind: "tensor", dtype: "i32", shape, data: Int32Array.from(data) }) as const;
  // Blocks in an order of their own; block 0 belongs to nobody.
  const table = Array.from({ length: sequences * width }, (_, i) => 1 + ((i * 7919) % (blocks - 1)));
  return {
    title: `${queries}/${heads}x${headDim} ${dtype} blocks of ${blockSize}, ${JSON.stringify(runs)}, window ${window ?? 0}`,
    record: row,
    operands: [
      { kind: "tensor", dtype: "f32", shape: [places.length, queries, headDim], data: numbers(places.length * queries * headDim) },
      { kind: "kv_cache", type: cache, blocks, keys: pool(half), values: pool(half) },
      ints([], [1]),
      ints([sequences, width], table),
      ints([places.length], places.map(([sequence]) => sequence)),
      ints([places.length], places.map(([, position]) => position)),
    ],
    attrs,
    operandTypes,
    result: inferType(row, operandTypes, attrs),
    dims,
  };
}

const llama: Shape = { queries: 8, heads: 2, headDim: 64, blockSize: 16, dtype: "f16" };
const qwen: Shape = { queries: 14, heads: 2, headDim: 64, blockSize: 16, dtype: "bf16" };
const odd: Shape = { queries: 3, heads: 3, headDim: 10, blockSize: 5, dtype: "f32" };
const wide: Shape = { queries: 20, heads: 1, headDim: 24, blockSize: 8, dtype: "f16" };
const tall: Shape = { queries: 2, heads: 1, headDim: 128, blockSize: 32, dtype: "f32" };

const coded: Shape = { queries: 8, heads: 2, headDim: 64, blockSize: 16, dtype: "i8" };
const oddlyCoded: Shape = { queries: 6, heads: 2, headDim: 10, blockSize: 5, dtype: "i8" };

const shapes: readonly Shape[] = [llama, qwen, odd, wide, tall, coded, oddlyCoded];

const cases: readonly KernelCase[] = [
  // One token at the edges of pieces and spans, and a long context of many spans.
  ...[0, 31, 32, 63, 64, 65, 1023, 1024, 1500].map((position) => attentionCase(llama, [[0, position, 1]])),
  ...shapes.flatMap((shape) => [
    attentionCase(shape, [[0, 130, 1], [1, 5, 1], [2, 1100, 1]]),
    attentionCase(shape, [[0, 0, 70]]),
    // A prompt that goes on, one that begins, and single tokens between them.
    attentionCase(shape, [[0, 100, 23], [1, 7, 1], [2, 0, 40], [3, 61, 1], [4, 3, 2]]),
    attentionCase(shape, [[0, 200, 1], [1, 30, 1]], 33),
    attentionCase(shape, [[0, 90, 40], [1, 3, 1]], 17),
    attentionCase(shape, [[0, 300, 20]], 1),
  ]),
];

function attentionTolerance({ dims }: KernelCase): Tolerance {
  return softmaxTolerance("f32", Math.max((dims["B"] ?? 1) * 32, 128), 6);
}

interface Build extends Omit<BuildOptions, "compiler"> {
  readonly name: string;
  readonly compiler: string | undefined;
}

const cross = findTool("aarch64-linux-gnu-gcc", "attention for AArch64");
const emulator = cross === undefined ? undefined : findTool("qemu-aarch64", "attention for AArch64");

const builds: readonly Build[] = [
  { name: "for this machine", compiler, flags: ["-O3", "-march=native"] },
  ...(process.arch === "x64"
    ? [
        { name: "for AVX2", compiler, flags: ["-O2", "-march=x86-64-v3"] },
        { name: "for the plainest x86-64", compiler, flags: ["-O2", "-march=x86-64"] },
      ]
    : []),
  { name: "by clang", compiler: findTool("clang", "attention by clang"), flags: ["-O2", "-march=native"] },
  { name: "for AArch64", compiler: emulator === undefined ? undefined : cross, emulator, flags: ["-O2", "-static"] },
  {
    name: "with sanitizers", compiler,
    flags: ["-O0", "-march=native", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
  },
  { name: "with the thread sanitizer", compiler, flags: ["-O0", "-march=native", "-fsanitize=thread"] },
];

const possible = builds.flatMap(({ compiler, ...build }) =>
  compiler === undefined ? [] : [{ ...build, compiler }],
);

describe.each(possible)("attention compiled $name", (build) => {
  let harness: Harness | undefined;

  beforeAll(() => {
    harness = buildHarness(cases, build);
  }, 300_000);

  afterAll(() => harness?.close());

  test("agrees with what it means, and gives the same bits with one, two and five threads", () => {
    const built = harness;
    if (built === undefined) throw new Error("the harness was not built");
    const [one = [], ...more] = [1, 2, 5].map((threads) => built.run(threads));
    expect(differences(cases, one, attentionTolerance)).toEqual([]);
    for (const other of more) expect(other).toEqual(one);
  }, 300_000);
});
