/**
 * The op `fused`: a term of ops with loop forms as one kernel. Its attribute says which (`fused-term.ts`);
 * its types, meaning, work and loops are those of the ops, put together. Rules make it
 * (`rules/lower/loops.rules`); targets print it as they print any op.
 */

import { at, invariant } from "../base/index.js";
import type { LoopKernel, OpRecord, Registry, Scalar, Statement, Value, ValueType, Work } from "../ir/index.js";
import {
  defineOp, dimValue, IllTyped, inferType, operandName, typeBytes,
} from "../ir/index.js";
import type { FusedNode, FusedTerm } from "./fused-term.js";
import { parseFusedTerm } from "./fused-term.js";
import { inlineProducer } from "./inline-producer.js";
import { kernelBuffers, loopKernel, valueBuffers } from "./loop-kernel.js";
import { bodyOf, mapOwnScalars, mapParts, renameBody } from "./rewrite-loops.js";
import { verifyLoops } from "./verify-loops.js";

export const FUSED = "fused";

/** Buffers that a kernel of every target can bind, the result among them. */
const MAX_OPERANDS = 7;

export function fusedRecord(ops: Registry): OpRecord {
  const record: OpRecord = defineOp({
    name: FUSED,
    doc: "A term of other ops as one kernel: each computes its elements where the next one reads them.",
    operands: ["...x"],
    attrs: { body: "string" },
    traits: ["pure"],
    infer: (operands, { body }) => {
      if (operands.length > MAX_OPERANDS) throw new IllTyped(`\`fused\` takes at most ${MAX_OPERANDS} operands`);
      const type = typeOf(parseFusedTerm(body), operands, ops);
      return type.kind === "tensor" ? type : illTyped("`fused` makes a tensor");
    },
    evaluate: (operands, { body }) => evaluate(parseFusedTerm(body), operands, ops),
    work: (operands, { body }) => workOf(parseFusedTerm(body), operands, ops),
    lower: ({ operands, attrs, result }) => {
      const made = fuse(parseFusedTerm(attrs.body), operands, ops);
      invariant(made !== undefined, "a rule has seen to it that the term can be fused");
      const buffers = kernelBuffers(record, operands, result);
      invariant(made.buffers.every(({ name }) => buffers.some((each) => each.name === name)), "only operands are read");
      return made.body;
    },
    samples: [],
  });
  return record;
}

/** Whether the term has loops: not every op can compute its elements one by one. */
export function canFuse(term: FusedNode, operands: readonly ValueType[], ops: Registry): boolean {
  const made = fuse(term, operands, ops);
  return made !== undefined && verifyLoops(made).length === 0;
}

function illTyped(message: string): never {
  throw new IllTyped(message);
}

function typeOf(term: FusedTerm, operands: readonly ValueType[], ops: Registry): ValueType {
  if (term.kind === "leaf") {
    return operands[term.operand] ?? illTyped(`\`fused\` has no operand ${term.operand}`);
  }
  const record = ops.get(term.op);
  if (record?.lower === undefined) return illTyped(`\`${term.op}\` has no loop form`);
  return inferType(record, typesOf(term, operands, ops), term.attrs);
}

function typesOf(term: FusedNode, operands: readonly ValueType[], ops: Registry): readonly ValueType[] {
  return term.operands.map((each) => typeOf(each, operands, ops));
}

/* ---- Meaning ---- */

function evaluate(term: FusedNode, operands: readonly Value[], ops: Registry): Value {
  const values = term.operands.map((each) => (each.kind === "leaf" ? at(operands, each.operand) : evaluate(each, operands, ops)));
  const record = ops.require(term.op);
  return record.evaluate(values, term.attrs, inferType(record, values.map(valueTypeOf), term.attrs));
}

function valueTypeOf(value: Value): ValueType {
  return value.kind === "tensor" ? { kind: "tensor", dtype: value.dtype, shape: value.shape } : value.type;
}

/* ---- Work ---- */

/**
 * The work of the ops, scaled by how much more arithmetic the fused loops do: a row's sum that every element
 * computes for itself costs what it costs. Traffic is that of the ops without what is no longer stored.
 */
function workOf(term: FusedNode, operands: readonly ValueType[], ops: Registry): Work {
  const parts = partsOf(term, operands, ops);
  const kernel = fuse(term, operands, ops);
  invariant(kernel !== undefined, "a rule has seen to it that the term can be fused");
  const alone = sum(parts.map(({ arithmetic }) => arithmetic));
  const growth = alone === 0 ? 1 : arithmeticOf(kernel.body) / alone;
  const bytesRead = sum(parts.map((part) => part.bytesRead - part.bytesInside));
  return { flops: growth * sum(parts.map(({ flops }) => flops)), bytesRead: Math.max(0, bytesRead) };
}

interface Part {
  readonly flops: number;
  readonly arithmetic: number;
  readonly bytesRead: number;
  /** Of its operands that other parts compute. */
  readonly bytesInside: number;
}

function partsOf(term: FusedNode, operands: readonly ValueType[], ops: Registry): readonly Part[] {
  const record = ops.require(term.op);
  const types = typesOf(term, operands, ops);
  const result = typeOf(term, operands, ops);
  const { flops, bytesRead } = record.work(types, term.attrs, result);
  const sizes = types.map((type) => typeBytes(type));
  const own: Part = {
    flops,
    arithmetic: arithmeticOf(loopKernel(record, types, term.attrs, result).body),
    bytesRead: bytesRead ?? sum(sizes),
    bytesInside: sum(sizes.filter((_, i) => term.operands[i]?.kind === "node")),
  };
  return [own, ...term.operands.flatMap((each) => (each.kind === "leaf" ? [] : partsOf(each, operands, ops)))];
}

/** Operators that loops of concrete dimensions compute, but for those inside indices of loads. */
function arithmeticOf(body: readonly Statement[]): number {
  return sum(
    body.map((statement) => {
      let own = 0;
      mapOwnScalars(statement, (scalar) => {
        own += operatorsOf(scalar);
        return scalar;
      });
      const times = statement.kind === "for" ? dimValue(statement.extent, {}) : 1;
      return own + times * arithmeticOf(bodyOf(statement));
    }),
  );
}

function operatorsOf(scalar: Scalar): number {
  if (scalar.kind === "load") return 0;
  let count = scalar.kind === "unary" || scalar.kind === "binary" ? 1 : 0;
  mapParts(scalar, (part) => {
    count += operatorsOf(part);
    return part;
  });
  return count;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/* ---- Loops ---- */

interface Fusing {
  readonly operands: readonly ValueType[];
  readonly ops: Registry;
  /** Names of the kernel's operands, by position. */
  readonly names: readonly string[];
  /** Terms so far: each has names of its own. */
  count: number;
}

/** The kernel of a term, over buffers `x0`, `x1`, …; undefined where a part cannot be computed by element. */
function fuse(term: FusedNode, operands: readonly ValueType[], ops: Registry): LoopKernel | undefined {
  return fuseNode(term, { operands, ops, names: operands.map((_, i) => `x${i}`), count: 0 });
}

function fuseNode(term: FusedNode, fusing: Fusing): LoopKernel | undefined {
  const { operands, ops, names } = fusing;
  const record = ops.require(term.op);
  const types = typesOf(term, operands, ops);
  const plain = loopKernel(record, types, term.attrs, typeOf(term, operands, ops));
  const inner = term.operands.map((each) => (each.kind === "leaf" ? at(names, each.operand) : `t${fusing.count++}_`));
  let kernel: LoopKernel | undefined = renamed(plain, record, { types, names: inner });
  term.operands.forEach((each, i) => {
    if (each.kind === "leaf" || kernel === undefined) return;
    const producer = fuseNode(each, fusing);
    kernel = producer && inlineProducer(kernel, at(inner, i), producer, at(inner, i));
  });
  return kernel;
}

/** The kernel of an op with its operands' buffers under other names. */
function renamed(
  kernel: LoopKernel,
  record: OpRecord,
  { types, names }: { readonly types: readonly ValueType[]; readonly names: readonly string[] },
): LoopKernel {
  const buffers = new Map(
    types.flatMap((type, i) => {
      const to = valueBuffers(at(names, i), type, "read");
      return valueBuffers(operandName(record, i), type, "read").map((from, part) => [from.name, at(to, part).name] as const);
    }),
  );
  const distinct = new Map(kernel.buffers.map((each) => {
    const name = buffers.get(each.name) ?? each.name;
    return [name, { ...each, name }] as const;
  }));
  return { name: FUSED, buffers: [...distinct.values()], body: renameBody(kernel.body, { buffers }) };
}
