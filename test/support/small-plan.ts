// A complete small plan, written by hand as the planner would: two layers, grouped-query attention, every
// kernel of the C target, kernels printed from loops, a copy, two scenarios. With the meaning of a plan: its
// calls, run by the records' `evaluate` over named places.

import { kernels } from "../../backends/c/kernels.js";
import type { PanelFormat } from "../../backends/c/panels.js";
import { packedType } from "../../backends/c/panels.js";
import { writeWeightHeader } from "../../backends/c/weight-file.js";
import type { Random } from "../../src/base/index.js";
import type { Attrs, KvCacheType, KvCacheValue, OpRecord, Value, ValueType } from "../../src/ir/index.js";
import {
  concreteType, coreRegistry, emptyCache, inferType, kvBlockBytes, serializeValue, tensor, tensorValue,
  typeBytes,
} from "../../src/ir/index.js";
import type {
  Call, Capacity, FunctionPlan, KernelCall, PlannedValue, ProgramPlan, Storage, WeightEntry,
} from "../../src/plan/index.js";
import { drawPacked } from "../device/c/kernel-cases.js";

const vocabulary = 41;
const dim = 16;
const layers = 2;
const [heads, kvHeads, headDim, hidden] = [2, 1, 8, 24];
const width = (heads + 2 * kvHeads) * headDim;

const smallCache: KvCacheType = { kind: "kv_cache", layers, blockSize: 4, heads: kvHeads, headDim, dtype: "f32" };

export const smallCapacity: Capacity = {
  tokens: 12,
  rows: 12,
  sequences: 3,
  contextLength: 20,
  blocksPerSequence: 5,
};

const f32: PanelFormat = { kind: "float", dtype: "f32" };
const dims = { T: 12, R: 12, S: 3, C: 60, B: 5 };

/** Weights in file order: type, and whether there is one for each layer. */
const weights: readonly (readonly [name: string, type: ValueType, perLayer: boolean])[] = [
  ["embed", tensor("bf16", vocabulary, dim), false],
  ["norm", tensor("f32", dim), false],
  ["frequencies", tensor("f32", headDim / 2), false],
  ["head", packedType({ kind: "float", dtype: "f16" }, [dim, vocabulary]), false],
  ["layer_norm", tensor("f32", dim), true],
  ["layer_qkv", packedType(f32, [dim, width]), true],
  ["layer_out", packedType({ kind: "float", dtype: "bf16" }, [heads * headDim, dim]), true],
  ["layer_gate_up", packedType({ kind: "quantized", bits: 8, group: 8 }, [dim, 2 * hidden]), true],
  ["layer_down", packedType({ kind: "quantized", bits: 4, group: 8 }, [hidden, dim]), true],
];

const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64;

function layOutWeights(): { readonly entries: readonly WeightEntry[]; readonly sizeBytes: number } {
  const records = weights.filter(([, , perLayer]) => perLayer).map(([, type]) => aligned(typeBytes(type)));
  const strideBytes = records.reduce((sum, bytes) => sum + bytes, 0);
  let end = 4096;
  const entries = weights.map(([name, type, perLayer]): WeightEntry => {
    const sizeBytes = typeBytes(type);
    const entry = { name, type, offsetBytes: end, sizeBytes };
    end += aligned(sizeBytes);
    if (!perLayer) return { ...entry, scope: "step", strideBytes: 0 };
    return { ...entry, scope: "layer", layers: { first: 0, count: layers }, strideBytes };
  });
  return { entries, sizeBytes: end + strideBytes * (layers - 1) };
}

interface Given {
  readonly attrs?: Attrs;
  /** A place that is not the arena. */
  readonly storage?: Storage;
}

/** Makes calls in order; every new value gets a place of its own in the arena. */
class PlanWriter {
  readonly calls: Call[] = [];
  #arenaEnd: number;

  constructor(arenaStart: number) {
    this.#arenaEnd = arenaStart;
  }

  get arenaEnd(): number {
    return this.#arenaEnd;
  }

  kernel(kernel: string, name: string, operands: readonly PlannedValue[], given: Given = {}): PlannedValue {
    const { attrs = {}, storage } = given;
    const type = inferType(recordOf(kernel), operands.map((each) => each.type), attrs);
    const result = { name, type, storage: storage ?? this.#place(type) };
    const rules = [{ name: `lower_${name}`, file: "lower/c.rules", line: 12 }];
    this.calls.push({ kind: "kernel", kernel, operands, attrs, result, rules, predictedNs: 100 });
    return result;
  }

  #place(type: ValueType): Storage {
    if (type.kind === "kv_cache") return { kind: "cache" };
    const offsetBytes = this.#arenaEnd;
    this.#arenaEnd += aligned(typeBytes(type, dims));
    return { kind: "arena", offsetBytes };
  }
}

export function recordOf(kernel: string): OpRecord {
  if (kernel.startsWith("loops.")) return coreRegistry.require(kernel.slice("loops.".length));
  const row = kernels.find((each) => each.name === kernel);
  if (row === undefined) throw new Error(`there is no kernel ${kernel}`);
  return row;
}

const input = (name: string, ...shape: readonly (string | number)[]): PlannedValue => ({
  name,
  type: tensor("i32", ...shape),
  storage: { kind: "input", name },
});

const batch = {
  tokens: input("tokens", "T"),
  positions: input("positions", "T"),
  sequences: input("sequences", "T"),
  rows: input("rows", "R"),
  blockTable: input("block_table", "S", "B"),
};

function weight(name: string): PlannedValue {
  const index = weights.findIndex(([each]) => each === name);
  return { name, type: weights[index]![1], storage: { kind: "weight", index } };
}

const cache: PlannedValue = { name: "cache", type: smallCache, storage: { kind: "cache" } };
const layer: PlannedValue = { name: "layer", type: tensor("i32"), storage: { kind: "layer" } };

interface PlannedLayer {
  readonly plan: FunctionPlan;
  readonly arenaEnd: number;
}

function layerPlan(scenario: string, x: PlannedValue, arenaStart: number): PlannedLayer {
  const out = new PlanWriter(arenaStart);
  const epsilon = 1e-5;
  const h = out.kernel("c.rms_norm", "h", [x, weight("layer_norm")], { attrs: { epsilon } });
  const qkv = out.kernel("c.matmul", "qkv", [h, weight("layer_qkv")]);
  const place = [layer, batch.blockTable, batch.sequences, batch.positions];
  const offsets = { key_offset: heads * headDim, value_offset: (heads + kvHeads) * headDim, style: "halves" };
  const appended = out.kernel("c.rope_append_kv", "cache_1", [cache, qkv, ...place, weight("frequencies")], { attrs: offsets });
  const turn = { offset: 0, heads, head_dim: headDim, style: "halves" };
  const q = out.kernel("c.rope", "q", [qkv, batch.positions, weight("frequencies")], { attrs: turn });
  const scale = 1 / Math.sqrt(headDim);
  const attended = out.kernel("c.paged_attention", "attended", [q, appended, ...place], { attrs: { scale } });
  const flat = { ...attended, name: "flat", type: tensor("f32", "T", heads * headDim) };
  const x1 = out.kernel("c.matmul_add", "x1", [flat, weight("layer_out"), x]);
  const h2 = out.kernel("c.rms_norm", "h2", [x1, weight("layer_norm")], { attrs: { epsilon } });
  const gateUp = out.kernel("c.matmul", "gate_up", [h2, weight("layer_gate_up")]);
  const m = out.kernel("c.swiglu", "m", [gateUp]);
  const x2 = out.kernel("c.matmul_add", "x2", [m, weight("layer_down"), x1]);
  out.calls.push({ kind: "copy", from: x2, to: { ...x2, storage: x.storage } });
  return { plan: { name: `layer_${scenario}`, role: "layer", calls: out.calls }, arenaEnd: out.arenaEnd };
}

interface PlannedScenario {
  readonly functions: readonly FunctionPlan[];
  readonly arenaEnd: number;
}

function scenarioFunctions(scenario: string): PlannedScenario {
  const out = new PlanWriter(0);
  const looked = out.kernel("loops.gather", "looked_up", [weight("embed"), batch.tokens]);
  const x = out.kernel("loops.cast", "x", [looked], { attrs: { dtype: "f32" } });
  const before = out.arenaEnd;
  const body = layerPlan(scenario, x, before);
  out.calls.push({ kind: "layers", body: body.plan.name, first: 0, count: layers });
  const h = out.kernel("c.rms_norm", "h", [x, weight("norm")], { attrs: { epsilon: 1e-5 } });
  const asked = out.kernel("loops.gather", "asked", [h, batch.rows]);
  out.kernel("c.matmul", "logits", [asked, weight("head")], { storage: { kind: "output" } });
  const step: FunctionPlan = { name: `step_${scenario}`, role: "step", calls: out.calls };
  return { functions: [body.plan, step], arenaEnd: Math.max(out.arenaEnd, body.arenaEnd) };
}

export function smallPlan(model = "small/model"): ProgramPlan {
  const [decode, prefill] = [scenarioFunctions("decode"), scenarioFunctions("prefill")];
  return {
    model,
    target: "c",
    ops: coreRegistry,
    vocabulary,
    capacity: smallCapacity,
    dims,
    functions: [...decode.functions, ...prefill.functions],
    scenarios: [
      { name: "decode", maxTokens: 4, entry: "step_decode", predictedNs: 2100 },
      { name: "prefill", maxTokens: 12, entry: "step_prefill", predictedNs: 9000 },
    ],
    weights: layOutWeights(),
    arenaBytes: Math.max(decode.arenaEnd, prefill.arenaEnd),
    kv: { type: smallCache, blockBytes: kvBlockBytes(smallCache) },
  };
}

/* ---- Weights ---- */

/** Random weights: one value for each entry and layer. */
export type PlanWeights = readonly (readonly Value[])[];

export function drawWeights(random: Random, plan: ProgramPlan): PlanWeights {
  return plan.weights.entries.map(({ name, type, layers: range }) =>
    Array.from({ length: range?.count ?? 1 }, () => drawWeight(random, name, type)),
  );
}

function drawWeight(random: Random, name: string, type: ValueType): Value {
  if (type.kind === "packed") return drawPacked(random, type);
  if (type.kind !== "tensor") throw new Error("weights are tensors or packed");
  const shape = type.shape.map(Number);
  const count = shape.reduce((product, extent) => product * extent, 1);
  const draw = (i: number): number => (name === "frequencies" ? 10 ** -i : random.normal());
  return tensorValue(type.dtype, shape, Array.from({ length: count }, (_, i) => draw(i)));
}

export function weightFile(plan: ProgramPlan, values: PlanWeights): Uint8Array {
  const bytes = new Uint8Array(plan.weights.sizeBytes);
  bytes.set(writeWeightHeader(plan));
  plan.weights.entries.forEach(({ offsetBytes, strideBytes }, i) => {
    values[i]!.forEach((value, copy) => bytes.set(serializeValue(value), offsetBytes + copy * strideBytes));
  });
  return bytes;
}

/* ---- Meaning ---- */

/** A step's arrays, by the names of the plan's inputs. */
export interface SmallBatch {
  readonly tokens: readonly number[];
  readonly positions: readonly number[];
  readonly sequences: readonly number[];
  readonly rows: readonly number[];
  /** [S][B] */
  readonly blockTable: readonly (readonly number[])[];
}

/** Runs steps of a plan by the meaning of its kernels; keeps the cache between them. */
export class PlanEvaluator {
  readonly #plan: ProgramPlan;
  readonly #weights: PlanWeights;
  #cache: KvCacheValue;

  constructor(plan: ProgramPlan, weights: PlanWeights, blocks: number) {
    this.#plan = plan;
    this.#weights = weights;
    this.#cache = emptyCache(plan.kv.type, blocks);
  }

  /** The logits, [R, vocabulary]. */
  step(batch: SmallBatch): Float32Array {
    const { tokens, rows, blockTable } = batch;
    const env = { T: tokens.length, R: rows.length, S: blockTable.length, B: blockTable[0]?.length ?? 0 };
    const places = new Map<string, Value>();
    const put = (name: string, shape: readonly number[], numbers: readonly number[]): void => {
      places.set(JSON.stringify({ kind: "input", name }), tensorValue("i32", shape, numbers));
    };
    put("tokens", [env.T], tokens);
    put("positions", [env.T], batch.positions);
    put("sequences", [env.T], batch.sequences);
    put("rows", [env.R], rows);
    put("block_table", [env.S, env.B], blockTable.flat());
    const scenario = this.#plan.scenarios.find(({ maxTokens }) => env.T <= maxTokens);
    this.#run(scenario?.entry ?? "", { env, places, layer: 0 });
    const logits = places.get(JSON.stringify({ kind: "output" }));
    if (logits?.kind !== "tensor") throw new Error("a step makes logits");
    return Float32Array.from(logits.data);
  }

  #run(name: string, frame: Frame): void {
    const calls = this.#plan.functions.find((each) => each.name === name)?.calls ?? [];
    for (const call of calls) {
      if (call.kind === "kernel") this.#kernel(call, frame);
      else if (call.kind === "copy") this.#write(call.to.storage, this.#read(call.from, frame), frame);
      else for (let i = 0; i < call.count; i++) this.#run(call.body, { ...frame, layer: call.first + i });
    }
  }

  #kernel({ kernel, operands, attrs, result }: KernelCall, frame: Frame): void {
    const values = operands.map((each) => this.#read(each, frame));
    const value = recordOf(kernel).evaluate(values, attrs, concreteType(result.type, frame.env));
    this.#write(result.storage, value, frame);
  }

  #read({ storage, type, name }: PlannedValue, { env, places, layer }: Frame): Value {
    if (storage.kind === "cache") return this.#cache;
    if (storage.kind === "layer") return tensorValue("i32", [], [layer]);
    if (storage.kind === "weight") {
      const copies = this.#weights[storage.index]!;
      return copies[copies.length === 1 ? 0 : layer]!;
    }
    const value = places.get(JSON.stringify(storage));
    if (value?.kind !== "tensor" || type.kind !== "tensor") throw new Error(`${name} has been computed`);
    // Another name for the same bytes may see them in another shape.
    return { ...value, shape: concreteType(type, env).shape.map(Number) };
  }

  #write(storage: Storage, value: Value, { places }: Frame): void {
    if (value.kind === "kv_cache") this.#cache = value;
    else places.set(JSON.stringify(storage), value);
  }
}

interface Frame {
  readonly env: Readonly<Record<string, number>>;
  readonly places: Map<string, Value>;
  readonly layer: number;
}
