// One kernel as a whole program: a plan of a single call, emitted, loaded by the runtime and run on a
// device, so that what is tested is what models run. Operands lie where plans have them: floats in the
// arena, integers in the batch, constants among the weights; results of any dtype lie in the output.

import { readFileSync } from "node:fs";

import { wgslBackend } from "../../../backends/wgsl/index.js";
import type { ProgramRecord } from "../../../backends/wgsl/index.js";
import type { EmittedFile } from "../../../src/codegen/index.js";
import type { KvCacheType, KvCacheValue, TensorValue, Value, ValueType } from "../../../src/ir/index.js";
import {
  concreteType, coreRegistry, elementCount, kvBlockBytes, serializeValue, typeBytes,
} from "../../../src/ir/index.js";
import type { Call, PlannedValue, ProgramPlan, Storage, WeightEntry } from "../../../src/plan/index.js";
import type { GpuBuffer, GpuDevice } from "../../../src/runtime/webgpu-device.js";
import { MAP_READ, USAGE } from "../../../src/runtime/webgpu-device.js";
import { createWebGpuProgram, encodeDispatches } from "../../../src/runtime/webgpu-program.js";
import type { KernelCase } from "../../support/kernel-cases.js";
import { numbersFrom } from "../../support/stored-numbers.js";

export interface DeviceCase extends KernelCase {
  /** `loops.<op>` or a kernel of the table. */
  readonly kernel: string;
}

interface Laid {
  readonly plan: ProgramPlan;
  /** Bytes to put into the arena and into the batch before the run. */
  readonly arena: Uint8Array;
  readonly batch: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly weights: Uint8Array;
  readonly layer: number;
}

const noCache: KvCacheType = { kind: "kv_cache", layers: 1, blockSize: 1, heads: 1, headDim: 1, dtype: "f32" };

/** Arrays of the batch, for integer operands in turn. */
const batchNames = ["tokens", "positions", "sequences", "rows", "block_table", "context_sequences", "context_positions"];

/** Room for any operand of a sample in an array of the batch. */
const SLOTS = 4096;

export function emitCase(each: DeviceCase): readonly EmittedFile[] {
  return wgslBackend.emit(layOut(each).plan, (path) => readFileSync(path, "utf8"));
}

function layOut(each: DeviceCase): Laid {
  const { operands, operandTypes, result, dims } = each;
  const cache = operands.find((value): value is KvCacheValue => value.kind === "kv_cache");
  const arena: Uint8Array[] = [];
  const batch: { name: string; bytes: Uint8Array }[] = [];
  const weights: { entry: WeightEntry; bytes: Uint8Array }[] = [];
  let [arenaBytes, weightBytes] = [0, 4096];
  let layer = 0;
  const place = (value: Value, type: ValueType, i: number): Storage => {
    if (value.kind === "kv_cache") return { kind: "cache" };
    const bytes = serializeValue(value);
    if (value.kind === "tensor" && value.shape.length === 0 && cache !== undefined && value.dtype === "i32") {
      layer = value.data[0]!;
      return { kind: "layer" };
    }
    if (value.kind !== "tensor") {
      const place = { offsetBytes: weightBytes, strideBytes: 0, sizeBytes: bytes.length };
      weights.push({ entry: { name: `w${i}`, type, scope: "step", ...place }, bytes });
      weightBytes += aligned(bytes.length);
      return { kind: "weight", index: weights.length - 1 };
    }
    if (value.dtype === "i32") {
      const name = batchNames.filter((candidate) => !batch.some((taken) => taken.name === candidate))[0]!;
      batch.push({ name, bytes });
      return { kind: "input", name };
    }
    const offsetBytes = arenaBytes;
    arena.push(padded(bytes));
    arenaBytes += aligned(bytes.length);
    return { kind: "arena", offsetBytes };
  };
  const values = operands.map((value, i): PlannedValue => {
    return { name: `operand${i}`, type: operandTypes[i]!, storage: place(value, operandTypes[i]!, i) };
  });
  const call: Call = {
    kind: "kernel", kernel: each.kernel, operands: values, attrs: each.attrs, rules: [], predictedNs: 0,
    result: { name: "made", type: result, storage: result.kind === "kv_cache" ? { kind: "cache" } : { kind: "output" } },
  };
  const type = cache?.type ?? noCache;
  const sizes = { T: SLOTS, R: SLOTS, S: SLOTS, C: SLOTS, B: dims["B"] ?? 1 };
  const plan: ProgramPlan = {
    model: "kernel", target: "wgsl", ops: coreRegistry, vocabulary: Math.max(1, Math.ceil(typeBytes(concreteType(result, dims)) / 4)),
    capacity: { tokens: 1, rows: 1, sequences: SLOTS, contextLength: 64, blocksPerSequence: dims["B"] ?? 1 },
    dims: sizes,
    functions: [
      { name: "layer_decode", role: "layer", calls: [call] },
      { name: "step_decode", role: "step", calls: [{ kind: "layers", body: "layer_decode", first: layer, count: 1 }] },
    ],
    scenarios: [{ name: "decode", maxTokens: 1, entry: "step_decode", predictedNs: 0 }],
    weights: { entries: weights.map(({ entry }) => entry), sizeBytes: weightBytes },
    arenaBytes: Math.max(64, arenaBytes),
    kv: { type, blockBytes: kvBlockBytes(type) },
  };
  const file = new Uint8Array(weightBytes);
  for (const { entry, bytes } of weights) file.set(bytes, entry.offsetBytes);
  return { plan, arena: joined(arena), batch, weights: file, layer };
}

/** Runs a case; the result's elements as numbers, of a cache its keys and then its values. */
export async function runCase(device: GpuDevice, each: DeviceCase): Promise<Float32Array> {
  const { plan, arena, batch, weights, layer } = layOut(each);
  const files = wgslBackend.emit(plan, (path) => readFileSync(path, "utf8"));
  const text = (path: string): string => files.find((file) => file.path === path)?.text ?? "";
  const record = JSON.parse(text("program.json")) as ProgramRecord;
  const blocks = each.dims["P"] ?? 1;
  const readWeights = (offset: number, size: number): Uint8Array => weights.subarray(offset, offset + size);
  const program = await createWebGpuProgram(device, { record, readModule: text, readWeights }, blocks);
  const { buffers } = program;
  try {
    const dims = { T: 0, S: 0, R: 0, C: 0, B: 1, P: 1, ...each.dims };
    const step = Int32Array.of(dims.T, dims.S, dims.R, dims.C, dims.B, dims.P, layer, 0);
    device.queue.writeBuffer(buffers.steps, 256 * (layer + 1), new Uint8Array(step.buffer));
    if (arena.length > 0) device.queue.writeBuffer(buffers.arena, 0, arena);
    for (const { name, bytes } of batch) {
      const [array] = record.batch.arrays.filter((candidate) => candidate.name === name);
      device.queue.writeBuffer(buffers.batch, array?.offsetBytes ?? 0, bytes);
    }
    const cache = each.operands.find((value): value is KvCacheValue => value.kind === "kv_cache");
    if (cache !== undefined) writeCache(device, buffers, cache);
    const dispatches = await program.prepare("step_decode", dims);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encodeDispatches(pass, dispatches);
    pass.end();
    device.queue.submit([encoder.finish()]);
    return await readResult(device, buffers, each);
  } finally {
    program.destroy();
  }
}

type Buffers = Awaited<ReturnType<typeof createWebGpuProgram>>["buffers"];

function writeCache(device: GpuDevice, { keys, values }: Buffers, cache: KvCacheValue): void {
  for (const [pool, data] of [[keys, cache.keys], [values, cache.values]] as const) {
    const perLayer = data.length / cache.type.layers;
    pool.forEach((buffer, layer) => {
      const part = data.slice(layer * perLayer, (layer + 1) * perLayer);
      const value: TensorValue = { kind: "tensor", dtype: cache.type.dtype, shape: [part.length], data: part };
      device.queue.writeBuffer(buffer, 0, padded(serializeValue(value)).subarray(0, buffer.size));
    });
  }
}

async function readResult(device: GpuDevice, buffers: Buffers, each: DeviceCase): Promise<Float32Array> {
  const { output, keys, values } = buffers;
  const { result, dims } = each;
  if (result.kind === "kv_cache") {
    const perLayer = (dims["P"] ?? 1) * result.blockSize * result.heads * result.headDim;
    const parts: number[] = [];
    for (const buffer of [...keys, ...values]) {
      parts.push(...numbersFrom(await readBuffer(device, buffer), result.dtype, perLayer));
    }
    return Float32Array.from(parts);
  }
  if (result.kind !== "tensor") throw new Error("kernels make tensors and caches");
  const count = elementCount(result.shape, dims);
  return Float32Array.from(numbersFrom(await readBuffer(device, output), result.dtype, count));
}

async function readBuffer(device: GpuDevice, buffer: GpuBuffer): Promise<Uint8Array> {
  const staging = device.createBuffer({ label: "read", size: buffer.size, usage: USAGE.mapRead | USAGE.copyTarget });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(MAP_READ);
  const bytes = staging.getMappedRange().slice(0);
  staging.destroy();
  return new Uint8Array(bytes);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(aligned(bytes.length));
  whole.set(bytes);
  return whole;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
