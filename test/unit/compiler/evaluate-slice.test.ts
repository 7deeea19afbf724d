// Constants made slice by slice are, byte for byte, those made whole; what cannot be cut is refused.

import { describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import type { Slice } from "../../../src/compiler/evaluate-slice.js";
import { evaluateSlice, sliceType } from "../../../src/compiler/evaluate-slice.js";
import { packTasks, packWeights } from "../../../src/compiler/pack.js";
import { everyTargetRegistry as registry } from "../../../src/compiler/targets.js";
import type { WeightSource } from "../../../src/frontend/index.js";
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

function read({ weights }: Made, name: string): TensorValue {
  const found = weights.get(name);
  if (found === undefined) throw new Error("the term reads its own weights");
  return found;
}

function readRows(made: Made, name: string, { start, size }: Omit<Slice, "axis">): TensorValue {
  const found = read(made, name);
  const width = found.shape[1]!;
  return { ...found, shape: [size, width], data: found.data.slice(start * width, (start + size) * width) };
}

function compute(made: Made, slice: Slice | undefined): Uint8Array {
  const { term } = made;
  const readWeight = ({ name }: Attrs, rows: Slice | undefined): Value =>
    rows === undefined ? read(made, String(name)) : readRows(made, String(name), rows);
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

/** The weight file that holds nothing else. */
function writeFile(made: Made): Uint8Array {
  const { term } = made;
  const type = valueType(term, term.results[0]!);
  const sizeBytes = typeBytes(type);
  const entry = { name: "only", type, scope: "step", offsetBytes: 0, strideBytes: 0, sizeBytes } as const;
  const source = { plan: { weights: { entries: [entry], sizeBytes } }, constants: [{ term }] };
  expect(packTasks(source, registry).length).toBeGreaterThan(1);
  const weights: WeightSource = {
    location: "", names: [], has: () => true, close: () => undefined,
    info: () => { throw new Error("not asked for"); },
    readRaw: () => { throw new Error("not asked for"); },
    read: (name) => read(made, name),
    readRows: (name, start, size) => readRows(made, name, { start, size }),
  };
  const file = new Uint8Array(sizeBytes);
  const writeAt = (offset: number, bytes: Uint8Array): void => { file.set(bytes, offset); };
  const report = packWeights({ ...source, registry, weights, writeAt });
  expect(report.ok).toBe(true);
  return file;
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
  describe.each(layouts.map(({ name }) => name))("%s", (name) => {
    test.each([8, 4] as const)("of 64 rows, of %i bits", (bits) => {
      const made = inLayout(name, [64, 150], bits);
      expect(inSlices(made, 1, 150)).toEqual(compute(made, undefined));
    });

    test.each([8, 4] as const)("as a file, of so many rows that they lie in slabs, of %i bits", (bits) => {
      const made = inLayout(name, [2080, 450], bits);
      expect(Buffer.compare(writeFile(made), compute(made, undefined))).toBe(0);
    });
  });
});

function inLayout(name: string, [rows, columns]: readonly [number, number], bits: 4 | 8): Made {
  const sampled = registry.require(name).samples.map(({ operands: [w] }) => w);
  const takesCodes = sampled.some((w) => w?.kind === "quantized");
  const takesFloats = sampled.some((w) => w?.kind === "tensor" && w.dtype === "f32");
  return make((op, weight) => {
    const w = weight(tensor(takesCodes || takesFloats ? "f32" : "bf16", columns, rows));
    return op(name, [takesCodes ? quantized(op, w, bits) : op("transpose", [w], { permutation: [1, 0] })]);
  });
}

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
