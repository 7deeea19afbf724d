/**
 * A compiled model in this process: the library that a target built, loaded through FFI. Steps run on a
 * thread of the pool, so that the event loop stays free; the library keeps threads of its own.
 *
 * The FFI layer does not look at the arrays it passes on, and the library can only trust their lengths: both
 * are checked here, and that no slot of the cache is written twice; indices and block numbers by the library.
 */

import type { ProgramDescription } from "../../backends/c/index.js";
import { HostError } from "../base/index.js";
import type { Batch } from "./executor.js";

export interface NativeOptions {
  readonly threads: number;
  /** Blocks of the KV pool. */
  readonly blocks: number;
}

export interface NativeModel {
  readonly description: ProgramDescription;
  /** One at a time. Fills the batch's logits. */
  step(batch: Batch): Promise<void>;
  /** Copies keys and values of all layers, for sequences that part ways in the middle of a block. */
  copyBlock(from: number, to: number): void;
  /** Waits for a step that is running. The model is not used afterwards. */
  close(): Promise<void>;
}

/** The library refused a batch: a count or an index in it is wrong. */
export class NativeStepError extends Error {
  override readonly name = "NativeStepError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const MESSAGE_BYTES = 512;

/** What to do about a model that cannot be opened, by the codes of the library's interface (llmir.h). */
const openHints: Readonly<Record<number, string>> = {
  1: "set what it names to a value that it takes; without `LLMIR_ISA`, the best level of this processor is chosen",
  9: "pack the weights again: they must come from the same compilation",
  10: "give a smaller `--context`, or quantize the model",
  11: "give fewer `--threads`",
  12: "run it where an NVIDIA GPU and its driver are, or take another `--target`",
};
const otherFaultHint = "build the model again on this machine";

/** Throws `HostError` when the library or the weights cannot be opened. */
export async function openNative(
  libraryPath: string,
  weightsPath: string,
  { threads, blocks }: NativeOptions,
): Promise<NativeModel> {
  const library = await loadLibrary(libraryPath);
  const description = JSON.parse(library.describe()) as ProgramDescription;
  const handle = new BigUint64Array(1);
  const message = new Uint8Array(MESSAGE_BYTES);
  const code = library.open({ weightsPath, threads, blocks, handle, message });
  if (code !== 0) {
    const why = textOf(message) || library.error(code);
    throw cannotLoad(weightsPath, why, openHints[code] ?? otherFaultHint);
  }
  return new LoadedLibrary(library, handle[0]!, description, blocks);
}

/** The functions of the library as the FFI layer declares them. A model is an address. */
interface Library {
  readonly describe: () => string;
  readonly error: (code: number) => string;
  readonly open: (request: OpenRequest) => number;
  readonly step: {
    async(model: bigint, batch: Uint8Array, done: (error: Error | null, code: number) => void): void;
  };
  readonly copyBlock: (model: bigint, from: number, to: number) => number;
  readonly close: (model: bigint) => void;
  /** Where an array's elements lie; they stay there as long as the array is alive. */
  readonly addressOf: (array: Int32Array | Float32Array) => bigint;
}

interface OpenRequest {
  readonly weightsPath: string;
  readonly threads: number;
  readonly blocks: number;
  /** Receives the model's address. */
  readonly handle: BigUint64Array;
  /** Receives why it failed, ended by a zero byte. */
  readonly message: Uint8Array;
}

async function loadLibrary(path: string): Promise<Library> {
  try {
    const { default: koffi } = await import("koffi");
    const native = koffi.load(path);
    const open = native.func(
      "int32_t llmir_open(const char *path, int32_t threads, int32_t blocks, uint64_t *model, uint8_t *message, int32_t bytes)",
    );
    return {
      describe: native.func("const char *llmir_describe(void)") as Library["describe"],
      error: native.func("const char *llmir_error(int32_t code)") as Library["error"],
      open: ({ weightsPath, threads, blocks, handle, message }) =>
        open(weightsPath, threads, blocks, handle, message, message.length) as number,
      step: native.func("int32_t llmir_step(uintptr_t model, const uint8_t *batch)") as unknown as Library["step"],
      copyBlock: native.func("int32_t llmir_copy_block(uintptr_t model, int32_t from, int32_t to)") as Library["copyBlock"],
      close: native.func("void llmir_close(uintptr_t model)") as Library["close"],
      addressOf: (array) => koffi.address(array),
    };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw cannotLoad(path, why, otherFaultHint, cause);
  }
}

function cannotLoad(path: string, why: string, hint: string, cause?: unknown): HostError {
  return new HostError(`the compiled model cannot be opened: ${why}`, { code: "target/cannot-load", path, hint, cause });
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end));
}

/** Invariant: `#model` is an open model until `close` begins; at most one step runs. */
class LoadedLibrary implements NativeModel {
  readonly description: ProgramDescription;
  readonly #library: Library;
  readonly #blocks: number;
  #model: bigint | undefined;
  #running: Promise<void> | undefined;

  constructor(library: Library, model: bigint, description: ProgramDescription, blocks: number) {
    this.#library = library;
    this.#model = model;
    this.#blocks = blocks;
    this.description = description;
  }

  async step(batch: Batch): Promise<void> {
    const model = this.#open();
    if (this.#running !== undefined) throw new TypeError("a step of this model is running");
    const fault = arrayFault(batch, this.description);
    if (fault !== undefined) throw new TypeError(fault);
    this.#running = this.#run(model, batch);
    try {
      await this.#running;
    } finally {
      this.#running = undefined;
    }
  }

  #run(model: bigint, batch: Batch): Promise<void> {
    const record = batchRecord(batch, this.#library.addressOf);
    return new Promise((resolve, reject) => {
      this.#library.step.async(model, record, (error, code) => {
        // The closure holds the record and the batch, hence its arrays, until the step is over.
        const size = `${batch.tokenCount} tokens (${record.length} bytes)`;
        if (error !== null) reject(error);
        else if (code === 0) resolve();
        else reject(new NativeStepError(code, `a batch of ${size} was refused: ${this.#library.error(code)}`));
      });
    });
  }

  copyBlock(from: number, to: number): void {
    const model = this.#open();
    if (this.#running !== undefined) throw new TypeError("a step of this model is running");
    const code = this.#library.copyBlock(model, from, to);
    if (code !== 0) throw new NativeStepError(code, `block ${from} of ${this.#blocks} cannot be copied to ${to}`);
  }

  async close(): Promise<void> {
    const model = this.#model;
    if (model === undefined) return;
    this.#model = undefined;
    await this.#running?.catch(() => undefined);
    this.#library.close(model);
  }

  #open(): bigint {
    if (this.#model === undefined) throw new TypeError("the model is closed");
    return this.#model;
  }
}

/** The record `llmir_batch`: four counts, then eight addresses. */
function batchRecord(batch: Batch, addressOf: Library["addressOf"]): Uint8Array {
  const view = new DataView(new ArrayBuffer(80));
  const counts = [batch.tokenCount, batch.sequenceCount, batch.rowCount, batch.contextCount];
  counts.forEach((count, i) => {
    view.setInt32(4 * i, count, true);
  });
  const arrays = [
    batch.tokens, batch.positions, batch.sequences, batch.rows, batch.blockTable, batch.contextSequences,
    batch.contextPositions, batch.logits,
  ];
  arrays.forEach((array, i) => {
    view.setBigUint64(16 + 8 * i, array.length === 0 ? 0n : addressOf(array), true);
  });
  return new Uint8Array(view.buffer);
}

/** What is wrong with the kinds and lengths of a batch's arrays. The library checks the counts themselves. */
function arrayFault(batch: Batch, { capacity, vocabulary }: ProgramDescription): string | undefined {
  const { tokenCount, sequenceCount, rowCount, contextCount } = batch;
  const wanted: readonly (readonly [keyof Batch, number])[] = [
    ["tokens", tokenCount],
    ["positions", tokenCount],
    ["sequences", tokenCount],
    ["rows", rowCount],
    ["blockTable", sequenceCount * capacity.blocksPerSequence],
    ["contextSequences", contextCount],
    ["contextPositions", contextCount],
  ];
  for (const count of [tokenCount, sequenceCount, rowCount, contextCount]) {
    if (!Number.isInteger(count) || count < 0 || count > 0x7fffffff) return `a batch has whole counts, found ${count}`;
  }
  for (const [name, least] of wanted) {
    const array = batch[name];
    if (!(array instanceof Int32Array)) return `\`${name}\` must be an Int32Array`;
    if (array.length < least) return `\`${name}\` has ${array.length} elements, the batch needs ${least}`;
  }
  if (!(batch.logits instanceof Float32Array)) return "`logits` must be a Float32Array";
  const logits = rowCount * vocabulary;
  return batch.logits.length < logits ? `\`logits\` has ${batch.logits.length} elements, the batch needs ${logits}` : undefined;
}
