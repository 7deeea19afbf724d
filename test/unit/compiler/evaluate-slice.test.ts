// Constants made slice by slice are, byte for byte, those made whole; what cannot be cut is refused.

import { describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import type { Slice } from "../../../src/compiler/evaluate-slice.js";
import { evaluateSlice, sliceType } from "../../../src/compiler/evaluate-slice.js";
import { everyTargetRegistry as registry } from "../../../src/compiler/targets.js";
import type { Attrs, Func, TensorType, TensorValue, Value, ValueId } from "../../../src/ir/index.js";
import { elementCount, FuncBuilder, hasTrait, roundTo, serializeValue } from "../../../src/ir/index.js";
import { tensor, tensorValue, typeBytes, valueType } from "../../../src/ir/index.js";

interface Made {
  readonly term: Func;
  readonly weights: ReadonlyMap<string, TensorValue>;
}

type Build = (op: Apply, weight: (type: TensorType) => ValueId) => ValueId;
type Apply = (name: string, operands: readonly ValueId[], attrs?: Attrs) => ValueId;

function make(build: Build): Made {
  const builder = new FuncBuilder(registry, "constant");
  const random = createRandom(5);
  const weights = new Map<string, TensorValue>();
  const weight = (type: TensorType): ValueId => {
    const name = `w${weights.size}`;
    const { dtype } = type;
    if (dtype !== "f32" && dtype !== "bf16") throw new Error("weights of the test are f32 or bf16");
    const numbers = Array.from({ length: elementCount(type.shape) }, () => roundTo(dtype, random.normal()));
    weights.set(name, tensorValue(dtype, type.shape as readonly number[], numbers));
    return builder.op("weight", [], { name }, { given: type, name });
  };
  const apply: Apply = (name, operands, attrs = {}) => builder.op(name, [...operands], attrs);
  return { term: builder.finish([build(apply, weight)]), weights };
}

function compute({ term, weights }: Made, slice: Slice | undefined): Uint8Array {
  const readWeight = ({ name }: Attrs, rows: Slice | undefined): Value => {
    const found = weights.get(String(name));
    if (found === undefined) throw new Error("the term reads its own weights");
    if (rows === undefined) return found;
    const width = found.shape[1]!;
    const data = found.data.slice(rows.start * width, (rows.start + rows.size) * width);
    return { ...found, shape: [rows.size, width], data };
  };
  return serializeValue(evaluateSlice(term, { registry, readWeight, onQuantize: () => undefined }, slice));
}

function inSlices(made: Made, axis: 0 | 1, extent: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < extent; start += 64) {
    const slice: Slice = { axis, start, size: Math.min(64, extent - start) };
    const type = sliceType(made.term, registry, { id: made.term.results[0]!, slice });
    const part = compute(made, slice);
    expect(type && typeBytes(type)).toBe(part.length);
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

const quantized = (op: Apply, w: ValueId, bits: 4 | 8): ValueId =>
  op("quantize", [op("transpose", [w], { permutation: [1, 0] })], { bits, group: 32 });

const packed: Readonly<Record<string, Build>> = {
  "a matrix of bfloat16": (op, weight) => {
    return op("c.pack", [op("transpose", [weight(tensor("bf16", 150, 32))], { permutation: [1, 0] })]);
  },
  "a matrix with a gain in it": (op, weight) => {
    const w = op("transpose", [weight(tensor("f32", 150, 32))], { permutation: [1, 0] });
    const gain = op("reshape", [weight(tensor("f32", 32))], { shape: [32, 1] });
    return op("c.pack", [op("mul", [w, gain])]);
  },
  "codes of merged projections": (op, weight) => {
    const parts = [70, 10, 70].map((rows) => quantized(op, weight(tensor("f32", rows, 64)), 8));
    return op("c.pack_quantized", [op("concat_quantized", parts)]);
  },
  "codes of a merged matrix": (op, weight) => {
    const parts = [70, 80].map((rows) => op("transpose", [weight(tensor("f32", rows, 64))], { permutation: [1, 0] }));
    return op("c.pack_quantized", [op("quantize", [op("concat", parts, { axis: 1 })], { bits: 4, group: 32 })]);
  },
};

describe("the columns of a packed matrix", () => {
  test.each(Object.entries(packed))("%s", (_, build) => {
    const made = make(build);
    expect(inSlices(made, 1, 150)).toEqual(compute(made, undefined));
  });

  const layouts = [...registry.ops.values()].filter((record) => hasTrait(record, "columnwise"));
  test.each(layouts.map(({ name }) => name))("%s", (name) => {
    const record = registry.require(name);
    const sampled = record.samples.map(({ operands: [w] }) => w);
    const takesCodes = sampled.some((w) => w?.kind === "quantized");
    const takesFloats = sampled.some((w) => w?.kind === "tensor" && w.dtype === "f32");
    for (const bits of [8, 4] as const) {
      const made = make((op, weight) => {
        const w = weight(tensor(takesCodes || takesFloats ? "f32" : "bf16", 150, 64));
        return op(name, [takesCodes ? quantized(op, w, bits) : op("transpose", [w], { permutation: [1, 0] })]);
      });
      expect(inSlices(made, 1, 150)).toEqual(compute(made, undefined));
    }
  });
});

test("the rows of a table that was stored as codes", () => {
  const made = make((op, weight) => {
    const codes = quantized(op, weight(tensor("f32", 150, 64)), 8);
    return op("transpose", [op("dequantize", [codes])], { permutation: [1, 0] });
  });
  expect(inSlices(made, 0, 150)).toEqual(compute(made, undefined));
});

test("a mean over columns, which every slice would have to compute, is not cut into columns", () => {
  const { term } = make((op, weight) => {
    const w = op("transpose", [weight(tensor("f32", 150, 512))], { permutation: [1, 0] });
    return op("c.pack", [op("sub", [w, op("reduce_mean", [w], { axis: 1, keep: true })])]);
  });
  expect(valueType(term, term.results[0]!)).toMatchObject({ kind: "packed" });
  const slice: Slice = { axis: 1, start: 64, size: 64 };
  expect(sliceType(term, registry, { id: term.results[0]!, slice })).toBeUndefined();
});
