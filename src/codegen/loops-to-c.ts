/**
 * Prints a loop kernel as a C function. Threads share the outermost parallel loops: a kernel with much work
 * an iteration is dealt out by iterations, one with little by pieces of its innermost loop, which stays a
 * plain loop that a compiler turns into vector instructions. Needs worker.h and numbers.h.
 */

import { assertNever, at, invariant, TextWriter } from "../base/index.js";
import type { Dim, DType, LoopBuffer, LoopKernel, Statement } from "../ir/index.js";
import { parallelChain, workgroupOf } from "../loops/index.js";
import { cIdentifier } from "./c-names.js";
import { printList } from "./c-lists.js";
import type { CScope } from "./scalars-to-c.js";
import { bufferOf, dimText, offsetText, rounded, scalarText, storedText } from "./scalars-to-c.js";

export interface PrintedLoops {
  readonly text: string;
  /** Dimensions that the function takes after the worker, in order, each an int64_t. */
  readonly dims: readonly string[];
  /** Buffers that it takes then, each a pointer. */
  readonly buffers: readonly LoopBuffer[];
}

export type For = Extract<Statement, { kind: "for" }>;

/** Iterations of an innermost loop with a short body that one thread does at a time. */
const PIECE = 256;

/** The function of a kernel, under a name that the caller has made unique. */
export function printLoopKernelC(kernel: LoopKernel, name: string): PrintedLoops {
  const scope: CScope = { buffers: kernel.buffers, locals: new Map(), dims: new Set(), read: new Set() };
  invariant(workgroupOf(kernel.body) === undefined, "kernels of processors have no workgroups");
  const body = new TextWriter();
  body.indented(() => printShared(kernel.body, scope, body));
  const dims = [...scope.dims].sort();
  const out = new TextWriter();
  const parameters = [
    "const Worker *worker",
    ...dims.map((dim) => `int64_t ${dim}`),
    ...kernel.buffers.map(parameterText),
  ];
  printList(`KERNEL ${name}(`, parameters, ") {", out);
  for (const { name: buffer } of kernel.buffers) {
    if (!scope.read.has(buffer)) out.indented(() => out.line(`(void)${cIdentifier(buffer)};`));
  }
  return { text: `${out.toString()}${body.toString()}}\n`, dims, buffers: kernel.buffers };
}

const storedTypes: Readonly<Record<DType, string>> = {
  f32: "float",
  f16: "uint16_t",
  bf16: "uint16_t",
  i32: "int32_t",
  i8: "int8_t",
  u8: "uint8_t",
  i1: "uint8_t",
};

/** The C type of a stored element. */
export function cElementType(dtype: DType): string {
  return storedTypes[dtype];
}

/** No two buffers overlap where one is written: the plan gives every value its own place. */
function parameterText({ name, dtype, access }: LoopBuffer): string {
  const pointer = access === "read" ? `const ${storedTypes[dtype]} *` : `${storedTypes[dtype]} *restrict `;
  return `${pointer}${cIdentifier(name)}`;
}

/* ---- Dealing out ---- */

function printShared(body: readonly Statement[], scope: CScope, out: TextWriter): void {
  const chain = parallelChain(body);
  if (chain.length === 0) {
    out.block("for (Shares shares = shares_of(worker, 1); next_share(&shares);) {", () => printBody(body, scope, out));
    return;
  }
  const inner = at(chain, chain.length - 1);
  const isHeavy = inner.body.some(hasLoop);
  const isShort = chain.length === 1 && !isLong(inner.extent);
  if (isHeavy || isShort) printUnits(chain, inner.body, scope, out);
  else printPieces(chain.slice(0, -1), inner, scope, out);
}

function hasLoop(statement: Statement): boolean {
  if (statement.kind === "for") return true;
  return statement.kind === "if" && statement.then.some(hasLoop);
}

function isLong(extent: Dim): boolean {
  return typeof extent === "string" || extent > PIECE;
}

/** One unit of work is one iteration of all the loops. */
function printUnits(chain: readonly For[], body: readonly Statement[], scope: CScope, out: TextWriter): void {
  printShare(countText(chain, scope), out, () => {
    printIndices(chain, "unit", scope, out);
    printBody(body, scope, out);
  });
}

/** One unit of work is a piece of the innermost loop. */
function printPieces(outer: readonly For[], inner: For, scope: CScope, out: TextWriter): void {
  const extent = dimText(inner.extent, scope);
  const index = cIdentifier(inner.index);
  if (!isLong(inner.extent)) {
    printShare(countText(outer, scope), out, () => {
      printIndices(outer, "unit", scope, out);
      printLoop(inner, scope, out);
    });
    return;
  }
  const pieces = typeof inner.extent === "number" ? String(Math.ceil(inner.extent / PIECE)) : "pieces";
  if (pieces === "pieces") out.line(`const int64_t pieces = (${extent} + ${PIECE - 1}) / ${PIECE};`);
  const factors = outer.length === 0 ? pieces : `${countText(outer, scope)} * ${pieces}`;
  printShare(factors, out, () => {
    printIndices(outer, `unit / ${pieces}`, scope, out);
    out.line(`const int64_t first = unit % ${pieces} * ${PIECE};`);
    out.line(`const int64_t end = first + ${PIECE} < ${extent} ? first + ${PIECE} : ${extent};`);
    out.block(`for (int64_t ${index} = first; ${index} < end; ${index}++) {`, () => printBody(inner.body, scope, out));
  });
}

function printShare(units: string, out: TextWriter, body: () => void): void {
  out.line(`for (Shares shares = shares_of(worker, ${units}); next_share(&shares);)`);
  out.indented(() => out.block("for (int64_t unit = shares.first; unit < shares.end; unit++) {", body));
}

export function countText(chain: readonly For[], scope: CScope): string {
  const counts = chain.map(({ extent }) => dimText(extent, scope)).filter((text) => text !== "1");
  return counts.length === 0 ? "1" : counts.join(" * ");
}

/** `i0 = unit / 12, i1 = unit / 4 % 3, i2 = unit % 4`, for the loops' extents. */
export function printIndices(chain: readonly For[], unit: string, scope: CScope, out: TextWriter): void {
  chain.forEach(({ index }, i) => {
    const inner = countText(chain.slice(i + 1), scope);
    const divided = inner === "1" ? unit : `${unit} / ${inner.includes(" ") ? `(${inner})` : inner}`;
    const value = i === 0 ? divided : `${divided} % ${dimText(at(chain, i).extent, scope)}`;
    out.line(`const int64_t ${cIdentifier(index)} = ${value};`);
    if (!mentions(at(chain, chain.length - 1).body, index)) out.line(`(void)${cIdentifier(index)};`);
  });
}

/** Whether a loop's variable is read below; a scalar result of a long loop may not need it. */
function mentions(body: readonly Statement[], index: string): boolean {
  return JSON.stringify(body).includes(`{"kind":"index","name":${JSON.stringify(index)}}`);
}

/* ---- Statements ---- */

export function printBody(body: readonly Statement[], scope: CScope, out: TextWriter): void {
  for (const statement of body) printStatement(statement, scope, out);
}

function printStatement(statement: Statement, scope: CScope, out: TextWriter): void {
  switch (statement.kind) {
    case "for":
      printLoop(statement, scope, out);
      return;
    case "let": {
      const value = rounded(statement.dtype, statement.value, scope);
      scope.locals.set(statement.name, statement.dtype);
      out.line(`${localType(statement.dtype)} ${cIdentifier(statement.name)} = ${value};`);
      return;
    }
    case "assign": {
      const dtype = scope.locals.get(statement.name);
      invariant(dtype !== undefined, `the local ${statement.name} is declared`);
      out.line(`${cIdentifier(statement.name)} = ${rounded(dtype, statement.value, scope)};`);
      return;
    }
    case "store": {
      const buffer = bufferOf(statement.buffer, scope);
      const place = `${cIdentifier(buffer.name)}[${offsetText(buffer, statement.indices, scope)}]`;
      out.line(`${place} = ${storedText(buffer.dtype, statement.value, scope)};`);
      return;
    }
    case "if":
      out.block(`if (${scalarText(statement.condition, scope).text}) {`, () => printBody(statement.then, scope, out));
      return;
    // Only kernels of GPUs have these: in CUDA's words.
    case "shared": {
      const count = statement.shape.reduce((product, each) => product * each, 1);
      out.line(`__shared__ ${storedTypes[statement.dtype]} ${cIdentifier(statement.name)}[${count}];`);
      return;
    }
    case "barrier":
      out.line("__syncthreads();");
      return;
    default:
      return assertNever(statement);
  }
}

function printLoop({ index, extent, mode, stride, body }: For, scope: CScope, out: TextWriter): void {
  const name = cIdentifier(index);
  const first = stride === undefined ? "0" : scalarText(stride.from, scope).text;
  const next = stride === undefined ? `${name}++` : `${name} += ${stride.by}`;
  if (mode === "vector") out.line("#pragma unroll");
  out.block(`for (int64_t ${name} = ${first}; ${name} < ${dimText(extent, scope)}; ${next}) {`, () =>
    printBody(body, scope, out),
  );
}

function localType(dtype: DType): string {
  return dtype === "f32" || dtype === "f16" || dtype === "bf16" ? "float" : "int32_t";
}
