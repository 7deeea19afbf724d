// Steps of drawn nonsense against a compiled model: each is run or refused with the code of a fault that it
// has, and the model stays what it was. Beside the FFI layer, the library's own entry takes the same records
// with nothing checked before it.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tmpdir } from "node:os";

import koffi from "koffi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { cBackend } from "../../../backends/c/index.js";
import type { Random } from "../../../src/base/index.js";
import { createRandom } from "../../../src/base/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import type { Batch } from "../../../src/runtime/executor.js";
import type { NativeModel } from "../../../src/runtime/native.js";
import { NativeStepError, openNative } from "../../../src/runtime/native.js";
import { quickCompiler } from "../../support/all-targets.js";
import { drawWeights, smallCapacity, smallPlan, weightFile } from "../../support/small-plan.js";
import { findTestCompiler } from "./kernel-harness.js";

const host = createNodeHost();
const plan = smallPlan();
const blocks = 11;
const blockSize = 4;
const { contextLength, blocksPerSequence } = smallCapacity;

/** Codes of `llmir.h`. */
const codes = { count: 2, token: 3, position: 4, sequence: 5, row: 6, block: 7 } as const;

const absurd = [-1, -2, 1 << 20, 0x7fffffff, -0x80000000, 4096];

interface Drawn {
  readonly tokens: number[];
  readonly positions: number[];
  readonly sequences: number[];
  readonly rows: number[];
  readonly table: number[][];
}

/** A sound step: each sequence has blocks of its own and new tokens behind one another. */
function drawSound(random: Random): Drawn {
  const free = Array.from({ length: blocks }, (_, block) => block).sort(() => random.next() - 0.5);
  const many = 1 + random.below(2);
  const drawn: Drawn = { tokens: [], positions: [], sequences: [], rows: [], table: [] };
  for (let sequence = 0; sequence < many; sequence++) {
    const [start, count] = [random.below(contextLength - 6), 1 + random.below(6)];
    const used = Math.floor((start + count - 1) / blockSize) + 1;
    const own = free.splice(0, used);
    drawn.table.push(Array.from({ length: blocksPerSequence }, (_, i) => own[i] ?? -1));
    for (let i = 0; i < count; i++) {
      drawn.tokens.push(random.below(plan.vocabulary));
      drawn.positions.push(start + i);
      drawn.sequences.push(sequence);
    }
  }
  drawn.rows.push(random.below(drawn.tokens.length));
  return drawn;
}

/** The step with up to two wrong numbers, or more of something than there is room for. */
function damageStep(drawn: Drawn, random: Random): void {
  for (let changes = random.below(3); changes > 0; changes--) {
    const lists = [drawn.tokens, drawn.positions, drawn.sequences, drawn.rows, ...drawn.table];
    const list = lists[random.below(lists.length)];
    if (list === undefined || list.length === 0) continue;
    const near = random.below(Math.max(blocks, contextLength) + 2) - 1;
    list[random.below(list.length)] = random.below(2) === 0 ? near : absurd[random.below(absurd.length)]!;
  }
  const excess = random.below(12);
  if (excess === 0) drawn.table.push(...drawn.table, ...drawn.table);
  else if (excess === 1) drawn.rows.push(...Array.from({ length: smallCapacity.rows }, () => 0));
  else if (excess < 4) {
    for (const list of [drawn.tokens, drawn.positions, drawn.sequences]) {
      list.splice(0, list.length, ...(excess === 2 ? [] : Array.from({ length: 13 }, () => list).flat()));
    }
  }
}

/** All faults that a step has, by a plain reading of what a step is. */
function faultsOf({ tokens, positions, sequences, rows, table }: Drawn): ReadonlySet<number> {
  const faults = new Set<number>();
  const outside = (value: number, limit: number): boolean => value < 0 || value >= limit;
  const most = smallCapacity;
  const isCounted = tokens.length > 0 && tokens.length <= most.tokens;
  if (!isCounted || table.length > most.sequences || rows.length > most.rows) faults.add(codes.count);
  if (tokens.some((each) => outside(each, plan.vocabulary))) faults.add(codes.token);
  if (positions.some((each) => outside(each, contextLength))) faults.add(codes.position);
  if (sequences.some((each) => outside(each, table.length))) faults.add(codes.sequence);
  if (rows.some((each) => outside(each, tokens.length))) faults.add(codes.row);
  const reach = table.map((_, row) => Math.max(-1, ...positions.filter((_, t) => sequences[t] === row)));
  const seen = table.map((row, i) => row.slice(0, Math.floor(reach[i]! / blockSize) + 1));
  if (seen.some((row) => row.some((each) => outside(each, blocks)))) faults.add(codes.block);
  return faults;
}

/** Whether tokens are written over each other, or a sequence comes back to a block. */
function overlaps({ positions, sequences, table }: Drawn): boolean {
  const slots = positions.map((position, t) => {
    const block = table[sequences[t]!]?.[Math.floor(position / blockSize)];
    return `${block}:${position % blockSize}`;
  });
  const reach = table.map((_, row) => Math.max(-1, ...positions.filter((_, t) => sequences[t] === row)));
  const seen = table.map((row, i) => row.slice(0, Math.floor(reach[i]! / blockSize) + 1));
  return new Set(slots).size < slots.length || seen.some((row) => new Set(row).size < row.length);
}

function toBatch({ tokens, positions, sequences, rows, table }: Drawn): Batch {
  const none = new Int32Array(0);
  return {
    tokenCount: tokens.length, sequenceCount: table.length, rowCount: rows.length, contextCount: 0,
    tokens: Int32Array.from(tokens), positions: Int32Array.from(positions),
    sequences: Int32Array.from(sequences), rows: Int32Array.from(rows),
    blockTable: Int32Array.from(table.flat()),
    contextSequences: none, contextPositions: none,
    logits: new Float32Array(rows.length * plan.vocabulary).fill(NaN),
  };
}

describe.skipIf(findTestCompiler() === undefined)("steps of drawn nonsense", () => {
  const folder = mkdtempSync(join(tmpdir(), "llmir-step-faults-"));
  const weightsPath = join(folder, "weights.bin");
  let libraryPath = "";
  let model: NativeModel;

  beforeAll(async () => {
    for (const { path, text } of cBackend.emit(plan, (asset) => readFileSync(join(host.assetRoot, asset), "utf8"))) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    writeFileSync(weightsPath, weightFile(plan, drawWeights(createRandom(3), plan)));
    const quick = { ...host, environment: (name: string) => (name === "CC" ? quickCompiler : host.environment(name)) };
    libraryPath = (await cBackend.build(quick, folder, { arch: undefined })).programPath;
    model = await openNative(libraryPath, weightsPath, { threads: 2, blocks });
  }, 120_000);

  afterAll(async () => {
    await model.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The same step from nothing always gives the same bits. */
  async function probe(): Promise<Float32Array> {
    const prompt = { tokens: [5, 6, 7, 8, 9], positions: [0, 1, 2, 3, 4], sequences: [0, 0, 0, 0, 0] };
    const batch = toBatch({ ...prompt, rows: [4], table: [[4, 9, -1, -1, -1]] });
    await model.step(batch);
    return batch.logits;
  }

  test("are run, or refused for a fault that they have", { timeout: 120_000 }, async () => {
    const before = (await probe()).slice();
    const tally = new Map<number, number>();
    for (let seed = 1; seed <= 4000; seed++) {
      const random = createRandom(seed);
      const drawn = drawSound(random);
      damageStep(drawn, random);
      const batch = toBatch(drawn);
      const failure: unknown = await model.step(batch).then(() => undefined, (error: unknown) => error);
      const faults = new Set(faultsOf(drawn));
      if (overlaps(drawn)) faults.add(codes.block);
      if (faults.size === 0) {
        expect([seed, failure]).toEqual([seed, undefined]);
        expect([seed, batch.logits.every(Number.isFinite)]).toEqual([seed, true]);
      } else {
        expect([seed, failure]).toEqual([seed, expect.any(NativeStepError)]);
      }
      const code = failure instanceof NativeStepError ? failure.code : 0;
      if (code !== 0) expect([seed, faults.has(code), [...faults]]).toEqual([seed, true, [...faults]]);
      tally.set(code, (tally.get(code) ?? 0) + 1);
      if (seed % 500 === 0) expect(await probe()).toEqual(before);
    }
    // Every end happens, or the test would show nothing.
    expect([...tally.keys()].sort()).toEqual([0, ...Object.values(codes)].sort());
  });

  test("do no harm to the library's own entry, where none is checked before it", { timeout: 120_000 }, () => {
    const library = koffi.load(libraryPath);
    const open = library.func(
      "int32_t llmir_open(const char *, int32_t, int32_t, _Out_ uint64_t *model, void *message, int32_t bytes)",
    );
    const step = library.func("int32_t llmir_step(uintptr_t model, const uint8_t *batch)");
    const handle = [0n];
    expect(open(weightsPath, 2, blocks, handle, null, 0)).toBe(0);
    expect(step(handle[0], null)).toBe(1);
    for (let seed = 1; seed <= 4000; seed++) {
      const random = createRandom(seed);
      const drawn = drawSound(random);
      damageStep(drawn, random);
      const batch = toBatch(drawn);
      const counts = [batch.tokenCount, batch.sequenceCount, batch.rowCount, batch.contextCount];
      const wrong = random.below(20) === 0 ? random.below(3) : -1;
      if (wrong >= 0) counts[wrong] = [-1, 0x7fffffff, -0x80000000][random.below(3)]!;
      const view = new DataView(new ArrayBuffer(80));
      counts.forEach((count, i) => { view.setInt32(4 * i, count, true); });
      const arrays = [batch.tokens, batch.positions, batch.sequences, batch.rows, batch.blockTable];
      const isAbsent = random.below(20) === 0;
      arrays.forEach((array, i) => {
        const address = array.length === 0 || (isAbsent && random.below(5) === i) ? 0n : koffi.address(array);
        view.setBigUint64(16 + 8 * i, address, true);
      });
      view.setBigUint64(16 + 8 * 7, batch.logits.length === 0 ? 0n : koffi.address(batch.logits), true);
      const code = step(handle[0], new Uint8Array(view.buffer)) as number;
      const given = [...(isAbsent ? [1] : []), ...(wrong >= 0 ? [codes.count] : [])];
      const faults = new Set([...faultsOf(drawn), ...given]);
      if (overlaps(drawn)) faults.add(codes.block);
      if (code !== 0) expect([seed, code, [...faults]]).toEqual([seed, code, expect.arrayContaining([code])]);
      else expect([seed, [...faults].filter((each) => each !== 1)]).toEqual([seed, []]);
      // Nothing is written by a step that is refused. (This also holds the arrays until the step is over.)
      const isHeld = arrays.some((array) => array.length > 0);
      const written = isHeld && batch.logits.some((each) => !Number.isNaN(each));
      expect([seed, written]).toEqual([seed, code === 0 && batch.logits.length > 0]);
    }
    library.func("void llmir_close(uintptr_t model)")(handle[0]);
  });
});
