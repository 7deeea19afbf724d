// A whole small plan as a compiled model: through the FFI layer in this process (vitest gives each file one
// of its own, so that a crash is a failed file), and as a stand-alone program.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tmpdir } from "node:os";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { buildProgram, cBackend, GENERIC, levelsOf } from "../../../backends/c/index.js";
import { createRandom, HostError } from "../../../src/base/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import type { CacheDType } from "../../../src/ir/index.js";
import { kvBlockBytes } from "../../../src/ir/index.js";
import type { ProgramPlan } from "../../../src/plan/index.js";
import type { Batch } from "../../../src/runtime/executor.js";
import type { NativeModel } from "../../../src/runtime/native.js";
import { NativeStepError, openNative } from "../../../src/runtime/native.js";
import type { SmallBatch } from "../../support/small-plan.js";
import { drawWeights, PlanEvaluator, smallCapacity, smallPlan, weightFile } from "../../support/small-plan.js";
import { firstDifference, softmaxTolerance } from "../../support/tolerances.js";
import { findTestCompiler } from "./kernel-harness.js";

const host = createNodeHost();
const compiler = findTestCompiler();
const plan = smallPlan();
const weights = drawWeights(createRandom(3), plan);
const blocks = 11;
const settings = { arch: undefined };

/** Two layers of sums of at most 24 terms behind each other, of numbers that norms keep near 1. */
const tolerance = softmaxTolerance("f32", 24 * 16, 4);

function withCache(program: ProgramPlan, dtype: CacheDType): ProgramPlan {
  const type = { ...program.kv.type, dtype };
  const retyped = (_: string, value: { kind?: string } | null): unknown =>
    value?.kind === "kv_cache" ? type : value;
  const functions = JSON.parse(JSON.stringify(program.functions), retyped) as ProgramPlan["functions"];
  return { ...program, functions, kv: { type, blockBytes: kvBlockBytes(type) } };
}

function writeSources(folder: string, program: ProgramPlan): void {
  for (const { path, text } of cBackend.emit(program, (asset) => readFileSync(join(host.assetRoot, asset), "utf8"))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

function toBatch({ tokens, positions, sequences, rows, blockTable }: SmallBatch): Batch {
  const none = new Int32Array(0);
  return {
    tokenCount: tokens.length,
    sequenceCount: blockTable.length,
    rowCount: rows.length,
    contextCount: 0,
    tokens: Int32Array.from(tokens),
    positions: Int32Array.from(positions),
    sequences: Int32Array.from(sequences),
    rows: Int32Array.from(rows),
    blockTable: Int32Array.from(blockTable.flat()),
    contextSequences: none,
    contextPositions: none,
    logits: new Float32Array(rows.length * plan.vocabulary).fill(NaN),
  };
}

/** Two sequences in blocks of 4 that lie anywhere in the pool; unused entries are -1. */
const table = [
  [7, 2, 10, -1, -1],
  [3, 0, -1, -1, -1],
];

/** A prefill of both sequences, a ragged step, and a decode step. */
const steps: readonly SmallBatch[] = [
  {
    tokens: [5, 40, 0, 17, 8, 9, 30, 31],
    positions: [0, 1, 2, 3, 4, 0, 1, 2],
    sequences: [0, 0, 0, 0, 0, 1, 1, 1],
    rows: [7, 4],
    blockTable: table,
  },
  { tokens: [11, 12, 13], positions: [5, 3, 4], sequences: [0, 1, 1], rows: [0, 2, 1], blockTable: table },
  { tokens: [1], positions: [6], sequences: [0], rows: [0], blockTable: table },
  { tokens: [2], positions: [7], sequences: [0], rows: [], blockTable: table },
];

describe.skipIf(compiler === undefined)("a compiled model", () => {
  const folder = mkdtempSync(join(tmpdir(), "llmir-model-"));
  const weightsPath = join(folder, "weights.bin");
  let libraryPath = "";
  const models: NativeModel[] = [];

  async function open(threads: number): Promise<NativeModel> {
    const model = await openNative(libraryPath, weightsPath, { threads, blocks });
    models.push(model);
    return model;
  }

  beforeAll(async () => {
    writeSources(folder, plan);
    writeFileSync(weightsPath, weightFile(plan, weights));
    libraryPath = (await cBackend.build(host, folder, settings)).programPath;
  }, 120_000);

  afterAll(async () => {
    await Promise.all(models.map((model) => model.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  async function openWithCache(dtype: CacheDType): Promise<NativeModel> {
    const other = join(folder, dtype);
    mkdirSync(other);
    writeSources(other, withCache(plan, dtype));
    const { programPath } = await cBackend.build(host, other, settings);
    const model = await openNative(programPath, weightsPath, { threads: 2, blocks });
    models.push(model);
    return model;
  }

  test("describes itself", async () => {
    const { description } = await open(1);
    expect(description).toMatchObject({
      model: "small/model",
      vocabulary: plan.vocabulary,
      needsContext: false,
      capacity: { tokens: 12, rows: 12, sequences: 3, contextLength: 20, blocksPerSequence: 5 },
      kv: { layers: 2, blockSize: 4, heads: 1, headDim: 8, dtype: "f32", blockBytes: plan.kv.blockBytes },
    });
  });

  test.each([1, 2, 3])("gives the logits that the plan means, with %i threads", async (threads) => {
    const model = await open(threads);
    const reference = new PlanEvaluator(plan, weights, blocks);
    for (const step of steps) {
      const batch = toBatch(step);
      await model.step(batch);
      expect(firstDifference(batch.logits, reference.step(step), tolerance)).toBeUndefined();
    }
  });

  test("gives the same bits with any number of threads", async () => {
    const logits = await Promise.all([1, 2, 5].map(async (threads) => logitsOf(await open(threads))));
    expect(logits[1]).toEqual(logits[0]);
    expect(logits[2]).toEqual(logits[0]);
  });

  async function logitsOf(model: NativeModel): Promise<readonly number[]> {
    const all: number[] = [];
    for (const step of steps) {
      const batch = toBatch(step);
      await model.step(batch);
      all.push(...batch.logits);
    }
    return all;
  }

  test.each(["f32", "i8"] as const)("continues a sequence from a copied block, %s", async (dtype) => {
    const model = dtype === "f32" ? await open(2) : await openWithCache(dtype);
    const [prefill, , decode] = steps as [SmallBatch, SmallBatch, SmallBatch];
    await model.step(toBatch(prefill));
    const last = { ...decode, positions: [5] };
    const copied = [[9, 8, -1, -1, -1], [-1, -1, -1, -1, -1]];
    const [before, after] = [toBatch(last), toBatch({ ...last, blockTable: copied })];
    model.copyBlock(7, 9);
    model.copyBlock(2, 8);
    await model.step(before);
    await model.step(after);
    expect([...after.logits]).toEqual([...before.logits]);
  });

  describe("refuses, and stays usable after", () => {
    const good: SmallBatch = steps[1]!;
    const long = Array.from({ length: 13 }, () => 0);
    test.each<[string, SmallBatch, number]>([
      ["too many tokens", { ...good, tokens: long, positions: long, sequences: long }, 2],
      ["no tokens", { ...good, tokens: [], positions: [], sequences: [], rows: [] }, 2],
      ["too many sequences", { ...good, blockTable: [...table, ...table] }, 2],
      ["a token outside the vocabulary", { ...good, tokens: [1, 41, 2] }, 3],
      ["a negative token", { ...good, tokens: [1, -1, 2] }, 3],
      ["a position outside the context", { ...good, positions: [5, 20, 4] }, 4],
      ["a sequence that is not there", { ...good, sequences: [0, 2, 1] }, 5],
      ["a row that is not there", { ...good, rows: [3] }, 6],
      ["a block outside the pool", { ...good, blockTable: [[7, 11, 10, -1, -1], table[1]!] }, 7],
      ["a position without a block", { ...good, positions: [12, 3, 4] }, 7],
    ])("%s", async (_, batch, code) => {
      const model = models[0] ?? (await open(1));
      const failure = await model.step(toBatch(batch)).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(NativeStepError);
      expect((failure as NativeStepError).code).toBe(code);
      const after = toBatch(steps[3]!);
      await model.step(after);
    });

    test("arrays of the wrong kind or length, before native code sees them", async () => {
      const model = models[0] ?? (await open(1));
      const batch = toBatch(good);
      const few = new Int32Array(2);
      await expect(model.step({ ...batch, tokens: few })).rejects.toThrow(/`tokens` has 2 elements/);
      await expect(model.step({ ...batch, logits: new Float32Array(40) })).rejects.toThrow(/`logits` has 40/);
      const halves = new Int16Array(8) as unknown as Int32Array;
      await expect(model.step({ ...batch, positions: halves })).rejects.toThrow(/must be an Int32Array/);
    });

    test("a second step while one runs, and any after closing", async () => {
      const model = await open(1);
      const first = model.step(toBatch(steps[0]!));
      await expect(model.step(toBatch(good))).rejects.toThrow(/is running/);
      await first;
      await model.close();
      await expect(model.step(toBatch(good))).rejects.toThrow(/closed/);
    });
  });

  describe("does not open", () => {
    async function failureOf(content: Uint8Array, options = { threads: 1, blocks }): Promise<HostError> {
      const path = join(folder, "other.bin");
      writeFileSync(path, content);
      const failure = await openNative(libraryPath, path, options).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(HostError);
      expect((failure as HostError).details.code).toBe("target/cannot-load");
      return failure as HostError;
    }

    test.each<[string, (file: Uint8Array) => Uint8Array, RegExp]>([
      ["a file that is cut short", (file) => file.subarray(0, file.length - 1), /not complete/],
      ["a file with another magic", (file) => file.with(0, 0), /not a file of packed weights/],
      ["a file of another version", (file) => file.with(8, 9), /another version/],
      ["a file packed for another program", (file) => file.with(30, 0x7a), /another program/],
      ["an empty file", () => new Uint8Array(0), /not a file of packed weights/],
    ])("%s", async (_, change, message) => {
      expect((await failureOf(change(weightFile(plan, weights)))).message).toMatch(message);
    });

    test("with no threads, or no blocks", async () => {
      const file = weightFile(plan, weights);
      expect((await failureOf(file, { threads: 0, blocks })).message).toMatch(/threads/);
      expect((await failureOf(file, { threads: 1, blocks: 0 })).message).toMatch(/blocks/);
    });

    test("a library that is not there", async () => {
      const failure = openNative(join(folder, "absent.so"), weightsPath, { threads: 1, blocks });
      await expect(failure).rejects.toThrow(HostError);
    });
  });

  test("runs as a program of its own that continues tokens greedily", async () => {
    const { programPath: program } = await buildProgram(host, folder, settings);
    const prompt = [5, 40, 0, 17, 8, 9, 30, 31, 2, 3, 4, 7, 6, 1];
    const ran = spawnSync(program, [weightsPath, "-n", "3", "-t", "2", ...prompt.map(String)], { encoding: "utf8" });
    expect(ran.stderr).toBe("");
    expect(ran.stdout.trim().split(" ").map(Number)).toEqual(greedy(prompt, 3));
    expect(spawnSync(program, [weightsPath, "x"]).status).toBe(2);
    expect(spawnSync(program, [join(folder, "absent"), "1"]).status).toBe(1);
  }, 120_000);

  describe("built for any processor", () => {
    const prompt = [5, 40, 0, 17, 8, 9];
    const names = levelsOf(host.machine.architecture).map(({ name }) => name);
    const anywhere = mkdtempSync(join(tmpdir(), "llmir-generic-"));
    let program = "";
    afterAll(() => rmSync(anywhere, { recursive: true, force: true }));

    beforeAll(async () => {
      writeSources(anywhere, plan);
      ({ programPath: program } = await buildProgram(host, anywhere, { arch: GENERIC }));
    }, 240_000);

    const run = (level: string): { status: number | null; stdout: string; stderr: string } =>
      spawnSync(program, [weightsPath, "-n", "3", ...prompt.map(String)], {
        encoding: "utf8",
        env: { ...process.env, LLMIR_ISA: level },
      });

    test.each(["", ...names])("continues tokens as the evaluator does at level '%s', or refuses it", (level) => {
      const { status, stdout, stderr } = run(level);
      if (status === 0) expect(stdout.trim().split(" ").map(Number)).toEqual(greedy(prompt, 3));
      else expect(stderr).toMatch(/LLMIR_ISA.*(does not have|was built for)/);
      if (level === "" || level === names[0]) expect(status).toBe(0);
    });

    test("refuses a level that there is not", () => {
      const { status, stderr } = run("sse9");
      expect(status).toBe(1);
      expect(stderr).toMatch(/LLMIR_ISA: it names no level/);
    });

    test("leaves no file behind but the program", () => {
      expect(readdirSync(anywhere).filter((name) => name.endsWith(".o"))).toEqual([]);
    });
  });

  /** The evaluator's continuation, the prompt in chunks of the largest step. */
  function greedy(prompt: readonly number[], count: number): number[] {
    const reference = new PlanEvaluator(plan, weights, smallCapacity.blocksPerSequence);
    const ids = [...prompt];
    for (let done = 0; ids.length < prompt.length + count; ) {
      const tokens = ids.slice(done, done + smallCapacity.tokens);
      const positions = tokens.map((_, i) => done + i);
      const batch = { tokens, positions, sequences: tokens.map(() => 0), rows: [tokens.length - 1] };
      const logits = reference.step({ ...batch, blockTable: [[0, 1, 2, 3, 4]] });
      done += tokens.length;
      if (done === ids.length) ids.push(logits.indexOf(Math.max(...logits)));
    }
    return ids.slice(prompt.length);
  }
});

describe("building", () => {
  const folder = mkdtempSync(join(tmpdir(), "llmir-build-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("says what to install when the compiler that CC names is not there", async () => {
    const without = { ...host, environment: (name: string) => (name === "CC" ? "no-such-compiler" : undefined) };
    const failure: unknown = await cBackend.build(without, folder, settings).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(HostError);
    expect((failure as HostError).details.code).toBe("target/no-c-compiler");
    expect((failure as HostError).details.hint).toContain("apt install gcc");
  });

  test.skipIf(compiler === undefined)("shows what the compiler said when it refuses", async () => {
    writeSources(folder, plan);
    writeFileSync(join(folder, "model.c"), "int main(void) { return nothing; }\n");
    const failure: unknown = await cBackend.build(host, folder, settings).catch((error: unknown) => error);
    expect((failure as HostError).details.code).toBe("target/compile-failed");
    expect((failure as HostError).details.hint).toContain("nothing");
  });
});
