import { describe, expect, it } from "vitest";

import type { Func, ValueType } from "../../../src/ir/index.js";
import { tensor } from "../../../src/ir/index.js";
import { layOutWeights, WEIGHT_HEADER_BYTES } from "../../../src/plan/index.js";

const term: Func = { name: "term", params: [], operations: [], results: [], values: [] };

function constant(name: string, type: ValueType, layers?: { first: number; count: number }) {
  return { name, type, term, perLayer: layers !== undefined, layers };
}

describe("the layout of the weight file", () => {
  it("puts constants of the whole model behind the header and layers into equal records", () => {
    const { entries, sizeBytes } = layOutWeights([
      constant("norm", tensor("f32", 10), { first: 0, count: 3 }),
      constant("embedding", tensor("f16", 100, 8)),
      constant("projection", tensor("f32", 8, 8), { first: 0, count: 3 }),
    ]);
    const [norm, embedding, projection] = entries;
    expect(embedding).toMatchObject({ scope: "step", offsetBytes: WEIGHT_HEADER_BYTES, strideBytes: 0 });
    expect(norm?.offsetBytes).toBe(WEIGHT_HEADER_BYTES + 1600);
    expect(norm?.strideBytes).toBe(64 + 256);
    expect(projection?.offsetBytes).toBe(WEIGHT_HEADER_BYTES + 1600 + 64);
    expect(projection?.strideBytes).toBe(norm?.strideBytes);
    expect(sizeBytes % 4096).toBe(0);
    expect(sizeBytes).toBeGreaterThanOrEqual(WEIGHT_HEADER_BYTES + 1600 + 3 * 320);
  });

  it("keeps records of different ranges of layers apart", () => {
    const { entries } = layOutWeights([
      constant("a", tensor("f32", 16), { first: 0, count: 2 }),
      constant("b", tensor("f32", 16), { first: 2, count: 2 }),
    ]);
    const [a, b] = entries;
    expect(b?.offsetBytes).toBe((a?.offsetBytes ?? NaN) + 2 * (a?.strideBytes ?? NaN));
  });
});
