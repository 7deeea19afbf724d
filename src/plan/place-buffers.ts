/**
 * Offsets for buffers with lifetimes: offline, first fit, largest first (the greedy-by-size strategy of
 * Pisarchyk and Lee 2020), which stays near the lower bound on inference graphs.
 */

/** Bytes of a cache line and of the widest vector. */
export const BUFFER_ALIGNMENT = 64;

export interface BufferRequest {
  readonly sizeBytes: number;
  /** Positions in execution order, both inclusive: written at `from`, last read at `to`. */
  readonly from: number;
  readonly to: number;
}

export interface Placement {
  /** By request, in bytes. */
  readonly offsets: readonly number[];
  readonly totalBytes: number;
  /** The most bytes that are alive at one position: no placement can be smaller. */
  readonly lowerBoundBytes: number;
}

export function placeBuffers(requests: readonly BufferRequest[]): Placement {
  const order = requests
    .map((_, i) => i)
    .sort((a, b) => requests[b]!.sizeBytes - requests[a]!.sizeBytes || a - b);
  const offsets = new Array<number>(requests.length).fill(0);
  const placed: number[] = [];
  for (const i of order) {
    const neighbours = placed
      .filter((other) => overlaps(requests[i]!, requests[other]!))
      .sort((a, b) => offsets[a]! - offsets[b]!);
    offsets[i] = firstGap(requests[i]!.sizeBytes, neighbours, { requests, offsets });
    placed.push(i);
  }
  const ends = requests.map(({ sizeBytes }, i) => offsets[i]! + alignUp(sizeBytes));
  return { offsets, totalBytes: Math.max(0, ...ends), lowerBoundBytes: lowerBound(requests) };
}

export function alignUp(bytes: number, alignment = BUFFER_ALIGNMENT): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** True when both buffers are alive at some position. */
export function overlaps(a: BufferRequest, b: BufferRequest): boolean {
  return a.from <= b.to && b.from <= a.to;
}

interface Placed {
  readonly requests: readonly BufferRequest[];
  readonly offsets: readonly number[];
}

/** The lowest offset between neighbours, which are sorted by offset. */
function firstGap(sizeBytes: number, neighbours: readonly number[], { requests, offsets }: Placed): number {
  let offset = 0;
  for (const other of neighbours) {
    if (offset + alignUp(sizeBytes) <= offsets[other]!) return offset;
    offset = Math.max(offset, offsets[other]! + alignUp(requests[other]!.sizeBytes));
  }
  return offset;
}

function lowerBound(requests: readonly BufferRequest[]): number {
  const alive = (position: number): number =>
    requests.reduce(
      (sum, r) => (r.from <= position && position <= r.to ? sum + alignUp(r.sizeBytes) : sum),
      0,
    );
  return Math.max(0, ...requests.map(({ from }) => alive(from)));
}
