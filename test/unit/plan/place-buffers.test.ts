import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { BufferRequest } from "../../../src/plan/index.js";
import { alignUp, overlaps, placeBuffers } from "../../../src/plan/index.js";

/** The obvious definition: no two buffers that are alive together share a byte. */
function clashes(requests: readonly BufferRequest[], offsets: readonly number[]): readonly string[] {
  return requests.flatMap((a, i) =>
    requests.flatMap((b, j) => {
      if (j <= i || !overlaps(a, b)) return [];
      const apart = offsets[i]! + a.sizeBytes <= offsets[j]! || offsets[j]! + b.sizeBytes <= offsets[i]!;
      return apart ? [] : [`${i} and ${j}`];
    }),
  );
}

const request = fc
  .record({ sizeBytes: fc.integer({ min: 0, max: 5000 }), from: fc.nat(20), length: fc.nat(8) })
  .map(({ sizeBytes, from, length }) => ({ sizeBytes, from, to: from + length }));

describe("placing buffers", () => {
  it("keeps buffers that are alive together apart, aligned, and inside the total", () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 40 }), (requests) => {
        const { offsets, totalBytes, lowerBoundBytes } = placeBuffers(requests);
        expect(clashes(requests, offsets)).toEqual([]);
        expect(offsets.every((offset) => offset % 64 === 0)).toBe(true);
        expect(requests.every(({ sizeBytes }, i) => offsets[i]! + sizeBytes <= totalBytes)).toBe(true);
        expect(totalBytes).toBeGreaterThanOrEqual(lowerBoundBytes);
      }),
    );
  });

  it("reuses the bytes of a buffer that is no longer alive", () => {
    const { totalBytes, offsets } = placeBuffers([
      { sizeBytes: 1000, from: 0, to: 1 },
      { sizeBytes: 1000, from: 2, to: 3 },
      { sizeBytes: 500, from: 1, to: 2 },
    ]);
    expect(offsets[0]).toBe(offsets[1]);
    expect(totalBytes).toBe(alignUp(1000) + alignUp(500));
  });

  it("meets the lower bound on a chain where each value feeds the next", () => {
    const chain = Array.from({ length: 10 }, (_, i) => ({ sizeBytes: 640, from: i, to: i + 1 }));
    const { totalBytes, lowerBoundBytes } = placeBuffers(chain);
    expect(totalBytes).toBe(lowerBoundBytes);
    expect(totalBytes).toBe(1280);
  });
});
