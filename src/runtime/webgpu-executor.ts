/**
 * Runs steps on a WebGPU device: the arrays of a batch go up, one command buffer runs the step, the logits
 * that were asked for come back. Nothing here is bound to Node: a page gives it a device of the browser's.
 */

import type { ProgramRecord } from "../../backends/wgsl/index.js";
import { LIMITS, PROGRAM_FORMAT } from "../../backends/wgsl/index.js";
import { at, HostError, invariant } from "../base/index.js";
import type { Batch, Executor } from "./executor.js";
import { batchFault } from "./webgpu-batch.js";
import type { GpuBuffer, GpuDevice } from "./webgpu-device.js";
import { MAP_READ, USAGE } from "./webgpu-device.js";
import type { StepDims, WebGpuSources } from "./webgpu-program.js";
import type { WebGpuProgram } from "./webgpu-program.js";
import { createWebGpuProgram, encodeDispatches, product } from "./webgpu-program.js";

export interface WebGpuOptions {
  /** For people: the device's name. */
  readonly name: string;
  /** Blocks that the KV pool should have: fewer where one layer's would exceed what the device binds. */
  readonly blocks: number;
}

/** Opens a program on a device, which belongs to the executor from then on. Throws `HostError`. */
export async function createWebGpuExecutor(
  device: GpuDevice,
  sources: WebGpuSources,
  { name, blocks: wanted }: WebGpuOptions,
): Promise<Executor> {
  const { record } = sources;
  const format: number = record.format;
  invariant(format === PROGRAM_FORMAT, `the program has format ${PROGRAM_FORMAT}, found ${format}`);
  const blocks = affordableBlocks(device, record, wanted);
  const program = await createWebGpuProgram(device, sources, blocks);
  const steps = new WebGpuSteps(device, program, blocks);
  const { capacity, vocabulary, kv } = record.program;
  return {
    name: `WebGPU, ${name}`,
    capacity,
    vocabulary,
    blockSize: kv.blockSize,
    blocks,
    step: (batch) => steps.run(batch),
    close: () => steps.close(),
  };
}

/** A layer's keys are one binding: the device's largest one bounds the pool. */
function affordableBlocks(device: GpuDevice, record: ProgramRecord, wanted: number): number {
  const bindingBytes = device.limits["maxStorageBufferBindingSize"] ?? LIMITS.bindingBytes;
  const most = Math.floor(bindingBytes / record.layerBlockBytes);
  const least = record.program.capacity.blocksPerSequence;
  if (most >= least) return Math.min(wanted, most);
  const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  throw new HostError(
    `the keys of one layer take ${mebibytes(least * record.layerBlockBytes)} for one sequence, the device binds ${mebibytes(bindingBytes)}`,
    { code: "target/limit", hint: "give a smaller `--context`" },
  );
}

/** Invariant: at most one step is on the device; after `close` or a lost device none starts. */
class WebGpuSteps {
  readonly #device: GpuDevice;
  readonly #program: WebGpuProgram;
  readonly #blocks: number;
  #running: Promise<void> | undefined;
  #staging: GpuBuffer | undefined;
  #lost: string | undefined;
  #closed = false;

  constructor(device: GpuDevice, program: WebGpuProgram, blocks: number) {
    this.#device = device;
    this.#program = program;
    this.#blocks = blocks;
    void device.lost.then(({ reason, message }) => {
      this.#lost = message === "" ? reason : message;
    });
  }

  async run(batch: Batch): Promise<void> {
    if (this.#closed) throw new TypeError("the model is closed");
    if (this.#running !== undefined) throw new TypeError("a step of this model is running");
    const fault = batchFault(batch, this.#program.record.program, this.#blocks);
    if (fault !== undefined) throw new TypeError(fault);
    this.#running = this.#step(batch);
    try {
      await this.#running;
    } catch (error) {
      throw await this.#explained(error);
    } finally {
      this.#running = undefined;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#running?.catch(() => undefined);
    this.#program.destroy();
    this.#staging?.destroy();
    this.#device.destroy();
  }

  /** A step that fails because the device went away says so. */
  async #explained(error: unknown): Promise<unknown> {
    // The promise of the loss settles a turn after the operation that noticed it.
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (this.#lost === undefined) return error;
    return new HostError(`the GPU device was lost: ${this.#lost}`, {
      code: "target/device-lost",
      hint: "run again; if it happens again, take a smaller model, a smaller KV cache, or another target",
      cause: error,
    });
  }

  async #step(batch: Batch): Promise<void> {
    if (this.#lost !== undefined) throw new TypeError("the device is lost");
    const { buffers, record } = this.#program;
    const dims = this.#dims(batch);
    const { queue } = this.#device;
    this.#device.pushErrorScope("validation");
    queue.writeBuffer(buffers.steps, 0, this.#stepRecords(dims));
    this.#writeBatch(batch, dims);
    const dispatches = await this.#program.prepare(this.#entry(batch), dims);
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encodeDispatches(pass, dispatches);
    pass.end();
    const bytes = 4 * batch.rowCount * record.program.vocabulary;
    const staging = this.#stagingOf(bytes);
    if (bytes > 0) encoder.copyBufferToBuffer(buffers.output, 0, staging, 0, bytes);
    queue.submit([encoder.finish()]);
    const invalid = await this.#device.popErrorScope();
    invariant(invalid === null, `the device accepts the step: ${invalid?.message ?? ""}`);
    if (bytes === 0) {
      await queue.onSubmittedWorkDone();
      return;
    }
    await staging.mapAsync(MAP_READ, 0, bytes);
    batch.logits.set(new Float32Array(staging.getMappedRange(0, bytes)));
    staging.unmap();
  }

  /** Scenarios are sized for their tokens and as many rows of logits: both decide. */
  #entry({ tokenCount, rowCount }: Batch): string {
    const { scenarios } = this.#program.record;
    const fits = scenarios.find(({ maxTokens }) => tokenCount <= maxTokens && rowCount <= maxTokens);
    return (fits ?? at(scenarios, scenarios.length - 1)).entry;
  }

  #dims({ tokenCount, sequenceCount, rowCount, contextCount }: Batch): StepDims {
    const { capacity, needsContext } = this.#program.record.program;
    const contextSlots = needsContext ? contextCount : 0;
    const [T, S, R, C] = [tokenCount, sequenceCount, rowCount, contextSlots];
    return { T, S, R, C, B: capacity.blocksPerSequence, P: this.#blocks };
  }

  #stepRecords({ T = 0, S = 0, R = 0, C = 0, B = 0, P = 0 }: StepDims): Uint8Array {
    const count = this.#program.record.program.kv.layers + 1;
    const words = new Int32Array((count * LIMITS.offsetAlignment) / 4);
    for (let i = 0; i < count; i++) {
      words.set([T, S, R, C, B, P, Math.max(0, i - 1)], (i * LIMITS.offsetAlignment) / 4);
    }
    return new Uint8Array(words.buffer);
  }

  /** Each array by itself: between them lies what capacity leaves unused. */
  #writeBatch(batch: Batch, dims: StepDims): void {
    const { buffers, record } = this.#program;
    const sources: Readonly<Record<string, Int32Array>> = {
      tokens: batch.tokens,
      positions: batch.positions,
      sequences: batch.sequences,
      rows: batch.rows,
      block_table: batch.blockTable,
      context_sequences: batch.contextSequences,
      context_positions: batch.contextPositions,
    };
    for (const { name, offsetBytes, count } of record.batch.arrays) {
      const source = sources[name];
      invariant(source !== undefined, `a batch has an array ${name}`);
      const bytes = 4 * product(count, dims);
      if (bytes === 0) continue;
      const data = new Uint8Array(source.buffer, source.byteOffset, bytes);
      this.#device.queue.writeBuffer(buffers.batch, offsetBytes, data);
    }
  }

  /** Where logits are copied to be read: grows to the most rows that were asked for. */
  #stagingOf(bytes: number): GpuBuffer {
    if (this.#staging === undefined || this.#staging.size < bytes) {
      this.#staging?.destroy();
      const usage = USAGE.mapRead | USAGE.copyTarget;
      this.#staging = this.#device.createBuffer({ label: "logits", size: Math.max(16, bytes), usage });
    }
    return this.#staging;
  }
}
