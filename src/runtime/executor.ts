/**
 * What runs a step: a native library, or the reference evaluator. Both take the same ragged batch and
 * fill the logits that were asked for.
 */

import type { Capacity } from "../plan/index.js";

/**
 * A ragged batch: T tokens of S sequences. Arrays may be longer than their counts say; the rest is ignored.
 */
export interface Batch {
  readonly tokenCount: number;
  readonly sequenceCount: number;
  readonly rowCount: number;
  readonly contextCount: number;
  /** [T] */
  readonly tokens: Int32Array;
  readonly positions: Int32Array;
  /** [T], each an index into the rows of `blockTable`. */
  readonly sequences: Int32Array;
  /** [R], indices of tokens whose logits are wanted. */
  readonly rows: Int32Array;
  /** [S, blocksPerSequence] */
  readonly blockTable: Int32Array;
  /** [C], every slot that is visible in this step. */
  readonly contextSequences: Int32Array;
  readonly contextPositions: Int32Array;
  /** [R, vocabulary], filled by the step. */
  readonly logits: Float32Array;
}

export interface Executor {
  /** For people: "C, 2 threads", "reference evaluator". */
  readonly name: string;
  readonly capacity: Capacity;
  readonly vocabulary: number;
  readonly blockSize: number;
  /** Blocks in the KV pool. */
  readonly blocks: number;
  /** One at a time: the next step starts when the promise of the last one has settled. */
  step(batch: Batch): Promise<void>;
  /** Waits for a step that is running. */
  close(): Promise<void>;
}
