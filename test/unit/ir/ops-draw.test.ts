// Random operands: whatever is drawn is well-typed, concrete, and honours what the request fixes.

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import type { Attrs, Drawn, DrawRequest, OpRecord, ValueType } from "../../../src/ir/index.js";
import {
  attrsKey,
  coreOps,
  coreRegistry,
  inferType,
  isVariadic,
  sameType,
  tensor,
} from "../../../src/ir/index.js";

const records: readonly OpRecord[] = coreOps;

/** A request that fixes nothing; a variadic op is asked for two operands. */
function open(record: OpRecord): DrawRequest {
  const count = isVariadic(record) ? 2 : record.operands.length;
  return { operands: Array.from({ length: count }, () => undefined), attrs: {} };
}

function draw(record: OpRecord, seed: number, request = open(record)): Drawn | undefined {
  return record.draw?.(createRandom(seed), request);
}

function resultOf(record: OpRecord, { operands, attrs, result }: Drawn): ValueType {
  return inferType(record, operands, attrs, result);
}

function isConcrete(type: ValueType): boolean {
  return type.kind !== "tensor" || type.shape.every((dim) => typeof dim === "number");
}

describe("draws are honoured", () => {
  test.each(records.map((record) => [record.name, record] as const))("by %s", (_name, record) => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const drawn = draw(record, seed);
        if (drawn === undefined) throw new Error("a request that fixes nothing can be met");
        expect(drawn.operands.every(isConcrete)).toBe(true);
        const result = resultOf(record, drawn);
        expect(isConcrete(result)).toBe(true);
        checkRedrawn(record, seed, drawn, result);
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  /** Everything that was drawn once is given back in parts, and must be kept. */
  function checkRedrawn(record: OpRecord, seed: number, drawn: Drawn, result: ValueType): void {
    const free = drawn.operands.map(() => undefined);
    const requests: DrawRequest[] = [
      { operands: free, attrs: {}, result },
      { operands: free, attrs: drawn.attrs },
      { operands: free, attrs: drawn.attrs, result },
      { operands: drawn.operands, attrs: {} },
      {
        operands: drawn.operands.map((type, i) => (i % 2 === seed % 2 ? type : undefined)),
        attrs: drawn.attrs,
        result,
      },
      { operands: drawn.operands, attrs: drawn.attrs, result },
    ];
    for (const request of requests) {
      const again = draw(record, seed + 1, request);
      expect(again, JSON.stringify(request)).toBeDefined();
      if (again === undefined) continue;
      const inferred = resultOf(record, again);
      expect(request.result === undefined || sameType(inferred, request.result)).toBe(true);
      request.operands.forEach((type, i) =>
        expect(type === undefined || sameType(type, again.operands[i]!)).toBe(true),
      );
      expect(attrsKey({ ...again.attrs, ...request.attrs } as Attrs)).toBe(attrsKey(again.attrs));
    }
  }
});

function request(name: string, given: Partial<DrawRequest>): Drawn | undefined {
  const record = coreRegistry.require(name);
  return draw(record, 3, { ...open(record), ...given });
}

describe("what cannot be met is refused", () => {
  test.each<[string, Partial<DrawRequest>]>([
    ["rope", { result: tensor("f32", 2, 2, 7) }],
    ["quantized_matmul", { operands: [tensor("f32", 2, 33), undefined] }],
    ["quantize", { operands: [tensor("f32", 33, 2)], attrs: { group: 32 } }],
    ["matmul", { result: tensor("f32", 3) }],
    ["matmul", { operands: [tensor("f32", 2, 3), tensor("f32", 4, 5)] }],
    ["add", { operands: [tensor("f32", 2), tensor("f16", 2)] }],
    ["compare", { result: tensor("f32", 2) }],
    ["concat", { result: tensor("f32", 1), attrs: { axis: 0 } }],
    ["reshape", { operands: [tensor("f32", 6)], attrs: { shape: [4] } }],
    ["softmax", { result: tensor("f32") }],
    ["append_kv", { result: tensor("f32", 2) }],
    ["swiglu", { operands: [tensor("f32", 2, 3)] }],
  ])("%s with %j", (name, given) => {
    expect(request(name, given)).toBeUndefined();
  });
});

test("products meet rows that quantization can group", () => {
  const record = coreRegistry.require("matmul");
  const inner = Array.from({ length: 60 }, (_, seed) => {
    const [, b] = draw(record, seed)?.operands ?? [];
    return b?.kind === "tensor" ? Number(b.shape.at(-2)) : 0;
  });
  expect(inner.filter((extent) => extent % 32 === 0).length).toBeGreaterThan(5);
  expect(inner).toContain(1);
});

test("elementwise operands are sometimes broadcast, mostly not", () => {
  const record = coreRegistry.require("mul");
  const drawn = Array.from({ length: 200 }, (_, seed) => draw(record, seed)?.operands ?? []);
  const equal = drawn.filter(([a, b]) => a !== undefined && b !== undefined && sameType(a, b)).length;
  expect(equal).toBeGreaterThan(100);
  expect(equal).toBeLessThan(190);
});
