// Fused kernels against the two kernels that they are made of, run statement by statement: every op as the
// reader of every kind of producer, on its own samples. What comes out is the same to the bit.

import { describe, expect, test } from "vitest";

import { createRandom } from "../../src/base/index.js";
import type { Attrs, DimEnv, OpRecord, OpSample, TensorData, Value, ValueType } from "../../src/ir/index.js";
import {
  concreteType, coreOps, coreRegistry, hasTrait, inferType, newTensor, operandName, tensor, tryInfer,
} from "../../src/ir/index.js";
import type { FusedNode, FusedTerm } from "../../src/loops/index.js";
import {
  canFuse, fusedRecord, hasLoopForm, loopKernel, parseFusedTerm, printFusedTerm, printLoops, runLoops,
  verifyLoops,
} from "../../src/loops/index.js";
import { drawSample } from "../support/sample-values.js";
import { quantizedBuffers } from "../support/values.js";

const records: readonly OpRecord[] = coreOps;
const fused = fusedRecord(coreRegistry);

interface Producer {
  readonly op: string;
  readonly attrs: Attrs;
  /** Operands that make a result of the type; undefined where there are none. */
  readonly operandsFor: (type: Extract<ValueType, { kind: "tensor" }>) => readonly ValueType[] | undefined;
}

const producers: readonly Producer[] = [
  { op: "silu", attrs: {}, operandsFor: (type) => [type] },
  { op: "add", attrs: {}, operandsFor: (type) => [type, { ...type, shape: type.shape.slice(-1) }] },
  {
    op: "rms_norm", attrs: { epsilon: 0.01 },
    operandsFor: (type) => {
      return type.shape.length === 0 ? undefined : [type, { ...type, shape: type.shape.slice(-1) }];
    },
  },
  {
    op: "layer_norm", attrs: { epsilon: 0.01 },
    operandsFor: (type) => {
      const row = { ...type, shape: type.shape.slice(-1) };
      return type.shape.length === 0 ? undefined : [type, row, row];
    },
  },
  {
    op: "reduce_sum", attrs: { axis: 0, keep: false },
    operandsFor: (type) => [{ ...type, shape: [3, ...type.shape] }],
  },
  {
    op: "matmul", attrs: {},
    operandsFor: (type) => {
      const [rows, columns] = type.shape.slice(-2);
      if (rows === undefined || columns === undefined) return undefined;
      return [{ ...type, shape: type.shape.with(-1, 4) }, { ...type, shape: [4, columns] }];
    },
  },
];

interface FusionCase {
  readonly title: string;
  readonly reader: OpRecord;
  readonly sample: OpSample;
  readonly position: number;
  readonly producer: Producer;
  readonly inner: readonly ValueType[];
}

function casesOf(reader: OpRecord): readonly FusionCase[] {
  return reader.samples.flatMap((sample, i) =>
    sample.operands.flatMap((type, position) => {
      if (type.kind !== "tensor" || !["f32", "f16", "bf16"].includes(type.dtype)) return [];
      return producers.flatMap((producer) => {
        const inner = producer.operandsFor(type);
        if (inner === undefined) return [];
        const title = `${producer.op} into operand ${position} of ${reader.name}, sample ${i}`;
        return [{ title, reader, sample, position, producer, inner }];
      });
    }),
  );
}

/** The term of a case over its operands, which are numbered from the left. */
function termOf({ reader, sample, position, producer, inner }: FusionCase): FusedNode {
  let count = 0;
  const leaf = (): FusedTerm => ({ kind: "leaf", operand: count++ });
  const operands = sample.operands.map((_, i): FusedTerm => {
    if (i !== position) return leaf();
    return { kind: "node", op: producer.op, attrs: producer.attrs, operands: inner.map(leaf) };
  });
  return { kind: "node", op: reader.name, attrs: sample.attrs, operands };
}

function buffersOf(record: OpRecord, values: readonly Value[]): Record<string, TensorData> {
  const memory: Record<string, TensorData> = {};
  values.forEach((value, i) => {
    const name = operandName(record, i);
    if (value.kind === "tensor") memory[name] = value.data;
    if (value.kind === "kv_cache") {
      Object.assign(memory, { [`${name}_keys`]: value.keys, [`${name}_values`]: value.values });
    }
    if (value.kind === "quantized") Object.assign(memory, quantizedBuffers(name, value));
  });
  return memory;
}

function bodyOf(term: FusedNode): Attrs {
  return { body: printFusedTerm(term) };
}

interface OpUse {
  readonly types: readonly ValueType[];
  readonly attrs: Attrs;
  readonly dims: DimEnv;
}

/** The loop form of an op on values. */
function runOp(record: OpRecord, use: OpUse, values: readonly Value[]): Value {
  const result = inferType(record, use.types, use.attrs);
  const concrete = concreteType(result, use.dims);
  if (concrete.kind !== "tensor") throw new Error("a tensor is made");
  const kernel = loopKernel(record, use.types, use.attrs, result);
  expect(verifyLoops(kernel)).toEqual([]);
  const made = newTensor(concrete.dtype, concrete.shape.map(Number));
  if (made.data instanceof Float32Array) made.data.fill(NaN);
  runLoops(kernel, { ...buffersOf(record, values), result: made.data }, use.dims);
  return made;
}

function difference(each: FusionCase): string | undefined {
  const { reader, sample, position, producer, inner } = each;
  const term = termOf(each);
  const types = sample.operands.toSpliced(position, 1, ...inner);
  const random = createRandom(7);
  const drawn = drawSample(random, reader, sample);
  const producerRecord = coreRegistry.require(producer.op);
  const inside = { operands: inner, attrs: producer.attrs, dims: drawn.dims };
  const before = drawSample(random, producerRecord, inside);
  const dims = { ...before.dims, ...drawn.dims };
  const body = printFusedTerm(term);
  expect(printFusedTerm(parseFusedTerm(body))).toBe(body);
  const values = drawn.operands.toSpliced(position, 1, ...before.operands);
  const whole = runOp(fused, { types, attrs: { body }, dims }, values);
  const stored = runOp(producerRecord, { types: inner, attrs: producer.attrs, dims }, before.operands);
  const use = { types: sample.operands, attrs: sample.attrs, dims };
  const parts = runOp(reader, use, drawn.operands.with(position, stored));
  if (whole.kind !== "tensor" || parts.kind !== "tensor") return "no tensor";
  const wrong = whole.data.findIndex((value, i) => !Object.is(value, parts.data[i]));
  return wrong < 0 ? undefined : `element ${wrong} is ${whole.data[wrong]}, not ${parts.data[wrong]}: ${body}`;
}

const readers = records.filter((record) => hasLoopForm(record) && !hasTrait(record, "view"));
const all = readers.flatMap(casesOf);
const fusible = all.filter((each) => {
  const { sample, position, inner, reader } = each;
  const result = inferType(reader, sample.operands, sample.attrs, sample.result);
  const types = sample.operands.toSpliced(position, 1, ...inner);
  const isTyped = typeof tryInfer(fused, types, bodyOf(termOf(each))) !== "string";
  const isTensor = result.kind === "tensor" && isTyped;
  return isTensor && canFuse(termOf(each), types, coreRegistry);
});

describe("a fused kernel gives what its parts give, to the bit", () => {
  test.each(readers.map((reader) => [reader.name, reader] as const))("into %s", (_name, reader) => {
    const cases = fusible.filter((each) => each.reader === reader);
    expect(cases.flatMap((each) => difference(each) ?? [])).toEqual([]);
  });
});

test("most ops take in most producers", () => {
  expect(fusible.length).toBeGreaterThan(0.8 * all.length);
  const untouched = readers.filter((reader) => {
    return casesOf(reader).length > 0 && !fusible.some((each) => each.reader === reader);
  });
  expect(untouched.map(({ name }) => name)).toEqual(["append_kv"]);
});

test("a row's statistic stands in front of the loops that do not need it", () => {
  const term = parseFusedTerm("matmul(rms_norm(%0, %1; epsilon: 0.5), %2)");
  const types = [tensor("f32", "T", 6), tensor("f32", 6), tensor("f32", 6, 4)];
  const attrs = bodyOf(term);
  const kernel = loopKernel(fused, types, attrs, inferType(fused, types, attrs));
  expect(printLoops(kernel)).toBe(`\
kernel fused(read x0: f32[T, 6], read x1: f32[6], read x2: f32[6, 4], write result: f32[T, 4])
  parallel i0 < T
    parallel i1 < 4
      let sum: f32 = 0.0
      let squares_t0_0: f32 = 0.0
      serial k_t0_0 < 6
        squares_t0_0 = (squares_t0_0 + (f32(x0[i0, k_t0_0]) * f32(x0[i0, k_t0_0])))
      let scale_t0_0: f32 = (1.0 / sqrt(((squares_t0_0 / f32(6)) + 0.5)))
      serial k < 6
        let t0_0: f32 = ((f32(x0[i0, k]) * scale_t0_0) * f32(x1[k]))
        sum = (sum + (f32(t0_0) * f32(x2[k, i1])))
      result[i0, i1] = sum
`);
});
