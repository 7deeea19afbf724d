/**
 * The tokens that top-k, top-p and min-p leave, and a draw among them. A vocabulary of 128k is not sorted:
 * a bounded heap finds the k best in one pass, and top-p asks for more of them only when the best few
 * do not reach its probability. Ties go to the smaller id, so that the order is total.
 */

import type { SamplingOptions } from "./sampling.js";

export type Cuts = Pick<SamplingOptions, "temperature" | "topK" | "topP" | "minP">;

export interface KeptTokens {
  /** The token at a fraction in [0, 1) of the kept probability. */
  draw(fraction: number): number;
  /** Ids in the order in which `draw` walks. */
  readonly ids: Iterable<number>;
}

export interface Selection {
  /** Reads finite logits or -Infinity, of which `largest` is the largest. Valid until the next call. */
  keep(logits: Float32Array, largest: number, cuts: Cuts): KeptTokens;
}

/** Tokens that top-p looks at first; each further look takes eight times as many. */
const firstLook = 128;

export function createSelection(): Selection {
  const heap = createBestHeap();
  let table = new Float64Array(0);
  return {
    keep: (logits, largest, cuts) => {
      const limit = cuts.topK === 0 ? logits.length : Math.min(cuts.topK, logits.length);
      const weigh = (id: number): number => Math.exp((logits[id]! - largest) / cuts.temperature);
      if (limit === logits.length) {
        if (table.length < limit) table = new Float64Array(limit);
        for (let id = 0; id < limit; id++) table[id] = weigh(id);
      }
      // Every token's weight is read more than once unless few are kept.
      const weightOf = limit === logits.length ? (id: number): number => table[id]! : weigh;
      if (limit === logits.length && cuts.topP === 1) return walkAll(limit, weightOf, cuts.minP);
      const ordered =
        cuts.topP === 1 ? heap.best(logits, limit) : nucleus(logits, limit, { cuts, weightOf, heap });
      return createKept(cutBelow(ordered, weightOf, cuts.minP), weightOf);
    },
  };
}

interface NucleusInput {
  readonly cuts: Cuts;
  readonly weightOf: (id: number) => number;
  readonly heap: BestHeap;
}

/** The shortest prefix of the `limit` best tokens that reaches `topP` of their probability. */
function nucleus(logits: Float32Array, limit: number, { cuts, weightOf, heap }: NucleusInput): Int32Array {
  const isWhole = limit === logits.length;
  let look = isWhole ? Math.min(firstLook, limit) : limit;
  let ordered = heap.best(logits, look);
  const total = isWhole ? sumAll(logits.length, weightOf) : sumOf(ordered, weightOf);
  for (;;) {
    const length = prefixReaching(ordered, cuts.topP * total, weightOf);
    if (length !== undefined) return ordered.subarray(0, length);
    // Rounding of the two sums may leave the last tokens short of the whole.
    if (look === limit) return ordered;
    look = Math.min(look * 8, limit);
    ordered = heap.best(logits, look);
  }
}

function prefixReaching(
  ordered: Int32Array,
  goal: number,
  weightOf: (id: number) => number,
): number | undefined {
  let sum = 0;
  for (let i = 0; i < ordered.length; i++) {
    sum += weightOf(ordered[i]!);
    if (sum >= goal) return i + 1;
  }
  return undefined;
}

/** Tokens of at least `minP`; weights are relative to the likeliest, whose own is 1. */
function cutBelow(ordered: Int32Array, weightOf: (id: number) => number, minP: number): Int32Array {
  if (minP === 0) return ordered;
  const length = ordered.findIndex((id) => weightOf(id) < minP);
  return length === -1 ? ordered : ordered.subarray(0, length);
}

function sumAll(count: number, weightOf: (id: number) => number): number {
  let sum = 0;
  for (let id = 0; id < count; id++) sum += weightOf(id);
  return sum;
}

function sumOf(ids: Int32Array, weightOf: (id: number) => number): number {
  let sum = 0;
  for (const id of ids) sum += weightOf(id);
  return sum;
}

/** No order is needed when nothing but min-p cuts: tokens are walked by id. */
function walkAll(count: number, weightOf: (id: number) => number, minP: number): KeptTokens {
  const ids = new Int32Array(count);
  let kept = 0;
  for (let id = 0; id < count; id++) {
    const weight = weightOf(id);
    if (weight > 0 && weight >= minP) ids[kept++] = id;
  }
  return createKept(ids.subarray(0, kept), weightOf);
}

function createKept(ids: Int32Array, weightOf: (id: number) => number): KeptTokens {
  return {
    ids,
    draw: (fraction) => {
      let rest = fraction * sumOf(ids, weightOf);
      for (const id of ids) {
        rest -= weightOf(id);
        if (rest < 0) return id;
      }
      // Rounding may leave a little: the last token with any probability takes it.
      return ids.findLast((id) => weightOf(id) > 0) ?? ids[0]!;
    },
  };
}

interface BestHeap {
  /** The ids of the `count` largest logits, largest first. Valid until the next call. */
  best(logits: Float32Array, count: number): Int32Array;
}

/** A heap with the worst kept token on top: one comparison refuses most tokens. */
function createBestHeap(): BestHeap {
  let storage = new Int32Array(0);
  return {
    best: (logits, count) => {
      if (storage.length < count) storage = new Int32Array(count);
      const heap = storage.subarray(0, count);
      for (let i = 0; i < count; i++) heap[i] = i;
      for (let root = (count >> 1) - 1; root >= 0; root--) siftDown(heap, logits, root, count);
      for (let id = count; id < logits.length; id++) {
        // Of equal logits the earlier id stays, and `id` is later than all that are kept.
        if (logits[id]! <= logits[heap[0]!]!) continue;
        heap[0] = id;
        siftDown(heap, logits, 0, count);
      }
      sortHeap(heap, logits);
      return heap;
    },
  };
}

/** Takes the worst off the top and puts it at the end, again and again. */
function sortHeap(heap: Int32Array, logits: Float32Array): void {
  for (let size = heap.length - 1; size > 0; size--) {
    const worst = heap[0]!;
    heap[0] = heap[size]!;
    heap[size] = worst;
    siftDown(heap, logits, 0, size);
  }
}

function isWorse(logits: Float32Array, a: number, b: number): boolean {
  const difference = logits[a]! - logits[b]!;
  // The difference of two -Infinity is NaN: then, as for equal logits, the larger id is worse.
  return difference < 0 || (!(difference > 0) && a > b);
}

function siftDown(heap: Int32Array, logits: Float32Array, from: number, size: number): void {
  const moved = heap[from]!;
  let place = from;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= size) break;
    if (child + 1 < size && isWorse(logits, heap[child + 1]!, heap[child]!)) child += 1;
    if (!isWorse(logits, heap[child]!, moved)) break;
    heap[place] = heap[child]!;
    place = child;
  }
  heap[place] = moved;
}
