/**
 * Runs a loop kernel on typed arrays, as the reference for what targets print from it. Stores and locals
 * round to their dtype, as memory and registers do. Every index is checked, and iterations of a parallel loop
 * that write one element, or read what another one writes, are reported as a race; so are lanes of a
 * workgroup that do so without a barrier between. On-chip memory is not read before it is written.
 */

import { InvariantError, assertNever, invariant } from "../base/index.js";
import type {
  BinaryOperator,
  DimEnv,
  LoopBuffer,
  LoopKernel,
  Scalar,
  Statement,
  TensorData,
  UnaryOperator,
} from "../ir/index.js";
import { castNumber, dimValue, erf, newTensor } from "../ir/index.js";
import { RaceWatch } from "./race-watch.js";
import { allStatements } from "./rewrite-loops.js";

/** A kernel's memory, by buffer name. Floats of every format are held in a Float32Array. */
export type LoopMemory = Readonly<Record<string, TensorData>>;

interface Run {
  readonly kernel: LoopKernel;
  readonly dims: DimEnv;
  readonly buffers: Map<string, Place>;
  readonly races: RaceWatch;
}

/** A buffer, or on-chip memory of the workgroup that runs. */
interface Place {
  readonly buffer: LoopBuffer;
  readonly extents: readonly number[];
  readonly data: TensorData;
  /** Of on-chip memory: which elements have been written. */
  readonly isSet?: Uint8Array;
}

/** Values of loop variables and locals; each body sees those around it. */
interface Frame {
  readonly values: Map<string, number>;
  readonly dtypes: Map<string, Parameters<typeof castNumber>[0]>;
}

/** Runs the kernel; buffers that it writes are changed in place. Throws `InvariantError` on a breach. */
export function runLoops(kernel: LoopKernel, memory: LoopMemory, dims: DimEnv = {}): void {
  const buffers = new Map(
    kernel.buffers.map((buffer) => {
      const extents = buffer.shape.map((dim) => dimValue(dim, dims));
      const count = extents.reduce((product, extent) => product * extent, 1);
      const data = memory[buffer.name];
      invariant(data?.length === count, `the buffer ${buffer.name} has ${count} elements`);
      return [buffer.name, { buffer, extents, data }] as const;
    }),
  );
  const run: Run = { kernel, dims, buffers, races: new RaceWatch() };
  runBody(kernel.body, { values: new Map(), dtypes: new Map() }, run);
}

function runBody(body: readonly Statement[], frame: Frame, run: Run): void {
  for (const statement of body) runStatement(statement, frame, run);
}

function runStatement(statement: Statement, frame: Frame, run: Run): void {
  switch (statement.kind) {
    case "for":
      runLoop(statement, frame, run);
      break;
    case "let":
      frame.dtypes.set(statement.name, statement.dtype);
      frame.values.set(statement.name, castNumber(statement.dtype, valueOf(statement.value, frame, run)));
      break;
    case "assign": {
      const dtype = frame.dtypes.get(statement.name);
      invariant(dtype !== undefined, `the local ${statement.name} is declared`);
      frame.values.set(statement.name, castNumber(dtype, valueOf(statement.value, frame, run)));
      break;
    }
    case "store":
      runStore(statement, frame, run);
      break;
    case "if":
      if (valueOf(statement.condition, frame, run) !== 0) runBody(statement.then, frame, run);
      break;
    case "shared":
    case "barrier":
      throw new InvariantError(`${run.kernel.name}: a ${statement.kind} is met by one lane alone`);
    default:
      assertNever(statement);
  }
}

type For = Extract<Statement, { kind: "for" }>;

function runLoop(statement: For, frame: Frame, run: Run): void {
  const extent = dimValue(statement.extent, run.dims);
  if (statement.mode === "workgroup") {
    runWorkgroup(statement, extent, frame, run);
    return;
  }
  const { from, by } = statement.stride ?? { by: 1 };
  const watched = statement.mode !== "serial";
  if (watched) run.races.enter(statement.index);
  for (let i = from === undefined ? 0 : valueOf(from, frame, run); i < extent; i += by) {
    if (watched) run.races.iterate(i);
    frame.values.set(statement.index, i);
    runBody(statement.body, frame, run);
  }
  if (watched) run.races.leave();
}

/** The frames of a workgroup's lanes, in order. */
type Lanes = readonly Frame[];

function runWorkgroup({ index, body }: For, extent: number, frame: Frame, run: Run): void {
  const lanes = Array.from({ length: extent }, (_, lane): Frame => {
    return { values: new Map(frame.values).set(index, lane), dtypes: new Map(frame.dtypes) };
  });
  run.races.enter(index, true);
  runLanes(body, lanes, run);
  run.races.leave();
  for (const each of body) if (each.kind === "shared") run.buffers.delete(each.name);
}

/** Statement after statement, each by all lanes: barriers stand where all lanes come by alike. */
function runLanes(body: readonly Statement[], lanes: Lanes, run: Run): void {
  for (const statement of body) {
    if (statement.kind === "barrier") run.races.barrier();
    else if (statement.kind === "shared") run.buffers.set(statement.name, onChip(statement));
    else if (statement.kind === "for" && allStatements(statement.body).some(({ kind }) => kind === "barrier")) {
      invariant(statement.mode === "serial" && statement.stride === undefined, "barriers are met by all lanes");
      for (let i = 0; i < dimValue(statement.extent, run.dims); i++) {
        for (const { values } of lanes) values.set(statement.index, i);
        runLanes(statement.body, lanes, run);
      }
    } else {
      lanes.forEach((frame, lane) => {
        run.races.iterate(lane);
        runStatement(statement, frame, run);
      });
    }
  }
}

function onChip({ name, dtype, shape }: Extract<Statement, { kind: "shared" }>): Place {
  const { data } = newTensor(dtype, shape);
  const buffer = { name, dtype, shape, access: "update" } as const;
  return { buffer, extents: shape, data, isSet: new Uint8Array(data.length) };
}

function runStore(statement: Extract<Statement, { kind: "store" }>, frame: Frame, run: Run): void {
  const { buffer, data, isSet } = requireBuffer(statement.buffer, run);
  const at = offsetOf(statement.buffer, statement.indices, frame, run);
  invariant(buffer.access !== "read", `the buffer ${buffer.name} may be stored to`);
  const value = castNumber(buffer.dtype, valueOf(statement.value, frame, run));
  run.races.write(buffer.name, at, isSet !== undefined);
  data[at] = value;
  if (isSet !== undefined) isSet[at] = 1;
}

function requireBuffer(name: string, run: Run): Place {
  const found = run.buffers.get(name);
  invariant(found !== undefined, `the kernel ${run.kernel.name} has a buffer ${name}`);
  return found;
}

/** The element's number in row-major order, every index checked against its extent. */
function offsetOf(name: string, indices: readonly Scalar[], frame: Frame, run: Run): number {
  const { extents } = requireBuffer(name, run);
  return indices.reduce((offset, each, axis) => {
    const index = valueOf(each, frame, run);
    const extent = extents[axis] ?? 0;
    if (!Number.isInteger(index) || index < 0 || index >= extent) {
      throw new InvariantError(
        `${run.kernel.name}: index ${index} of axis ${axis} of ${name} is outside 0 to ${extent - 1}`,
      );
    }
    return offset * extent + index;
  }, 0);
}

function valueOf(scalar: Scalar, frame: Frame, run: Run): number {
  switch (scalar.kind) {
    case "number":
      return castNumber(scalar.dtype, scalar.value);
    case "index":
    case "local": {
      const value = frame.values.get(scalar.name);
      invariant(value !== undefined, `${scalar.name} has a value`);
      return value;
    }
    case "extent":
      return dimValue(scalar.dim, run.dims);
    case "load":
      return loadFrom(scalar, frame, run);
    case "unary":
      return unaryOperators[scalar.operator](valueOf(scalar.operand, frame, run));
    case "binary":
      return binaryOperators[scalar.operator](
        valueOf(scalar.left, frame, run),
        valueOf(scalar.right, frame, run),
      );
    case "select":
      return valueOf(
        valueOf(scalar.condition, frame, run) !== 0 ? scalar.then : scalar.otherwise,
        frame,
        run,
      );
    case "cast":
      return castNumber(scalar.dtype, valueOf(scalar.operand, frame, run));
    default:
      return assertNever(scalar);
  }
}

function loadFrom(scalar: Extract<Scalar, { kind: "load" }>, frame: Frame, run: Run): number {
  const at = offsetOf(scalar.buffer, scalar.indices, frame, run);
  const { buffer, data, isSet } = requireBuffer(scalar.buffer, run);
  if (isSet?.[at] === 0) {
    throw new InvariantError(`${run.kernel.name}: ${buffer.name}:${at} is read before it is written`);
  }
  if (buffer.access !== "read") run.races.read(scalar.buffer, at, isSet !== undefined);
  const value = data[at];
  invariant(value !== undefined, `${scalar.buffer} has an element ${at}`);
  return value;
}

const unaryOperators: Readonly<Record<UnaryOperator, (x: number) => number>> = {
  neg: (x) => -x,
  abs: Math.abs,
  not: (x) => (x === 0 ? 1 : 0),
  exp: Math.exp,
  exp2: (x) => 2 ** x,
  log: Math.log,
  sqrt: Math.sqrt,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  round: roundHalfAway,
  floor: Math.floor,
};

/** As C's `round`: halves go away from zero. */
function roundHalfAway(x: number): number {
  return Math.sign(x) * Math.floor(Math.abs(x) + 0.5);
}

const binaryOperators: Readonly<Record<BinaryOperator, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  max: (a, b) => Math.max(a, b),
  min: (a, b) => Math.min(a, b),
  quotient: (a, b) => Math.floor(a / b),
  remainder: (a, b) => a % b,
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
  lt: (a, b) => Number(a < b),
  le: (a, b) => Number(a <= b),
  gt: (a, b) => Number(a > b),
  ge: (a, b) => Number(a >= b),
  and: (a, b) => Number(a !== 0 && b !== 0),
  or: (a, b) => Number(a !== 0 || b !== 0),
};
