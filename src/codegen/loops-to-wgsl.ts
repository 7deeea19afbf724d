/**
 * Prints a loop kernel as the entry point of a WGSL module. The parallel loops at the top become invocations,
 * one for each iteration of all of them; what is inside runs in order. Rows that are folded have a workgroup
 * each, whose invocations share them (`src/loops/schedule-workgroups.ts`). Dispatches are folded into two
 * dimensions where one would have too many workgroups, so the entry point counts over both.
 */

import { assertNever, invariant, TextWriter } from "../base/index.js";
import type { Dim, LoopKernel, Statement } from "../ir/index.js";
import { parallelChain, readsOwnStores, scheduleWorkgroups, workgroupOf } from "../loops/index.js";
import type { WgslScope, WgslShared } from "./scalars-to-wgsl.js";
import {
  wgslCondition, wgslDim, wgslLocalType, wgslOffset, wgslRounded, wgslScalar, wgslSharedElement, wgslStored,
} from "./scalars-to-wgsl.js";
import { wgslIdentifier } from "./wgsl-names.js";

/** Invocations of a workgroup of a kernel that is printed from loops. */
export const LOOP_WORKGROUP = 64;

export interface WgslLoops {
  /** The entry point `main`. */
  readonly text: string;
  /** Extents of the loops that became invocations: their product is how many there are. */
  readonly units: readonly Dim[];
  /** Of these, how many a workgroup takes. */
  readonly unitsOfGroup: number;
  /** Buffers that are read, and that are written; one can be both. */
  readonly read: ReadonlySet<string>;
  readonly written: ReadonlySet<string>;
  /** Functions of the library of numbers that it calls. */
  readonly functions: ReadonlySet<string>;
}

type For = Extract<Statement, { kind: "for" }>;

export function printLoopKernelWgsl(
  plain: LoopKernel,
  ofOneLayer: ReadonlySet<string> = new Set(),
): WgslLoops {
  const kernel = scheduleWorkgroups(plain, LOOP_WORKGROUP);
  const group = workgroupOf(kernel.body);
  const scope: WgslScope = {
    buffers: kernel.buffers,
    shared: new Map(group?.body.flatMap((each) => (each.kind === "shared" ? [[each.name, each] as const] : []))),
    readsOwnStores: readsOwnStores(kernel),
    ofOneLayer,
    locals: new Map(),
    dims: new Set(),
    read: new Set(),
    written: new Set(),
    functions: new Set(),
  };
  const chain = parallelChain(kernel.body);
  const body = new TextWriter();
  body.indented(() => {
    const workgroup = "group.y * groups.x + group.x";
    body.line(`let unit = i32(${group === undefined ? `(${workgroup}) * ${LOOP_WORKGROUP}u + lane` : workgroup});`);
    body.line(`if (unit >= ${countText(chain, scope)}) { return; }`);
    printIndices(chain, scope, body);
    if (group !== undefined) body.line(`let ${wgslIdentifier(group.index)} = i32(lane);`);
    printBody(group?.body ?? chain.at(-1)?.body ?? kernel.body, scope, body);
  });
  const out = new TextWriter();
  for (const each of scope.shared.values()) out.line(sharedText(each));
  if (scope.shared.size > 0) out.gap();
  out.line(`@compute @workgroup_size(${LOOP_WORKGROUP})`);
  out.line("fn main(");
  out.indented(() => {
    out.line("@builtin(workgroup_id) group: vec3<u32>,");
    out.line("@builtin(num_workgroups) groups: vec3<u32>,");
    out.line("@builtin(local_invocation_index) lane: u32,");
  });
  out.line(") {");
  out.indented(() => [...scope.dims].sort().forEach((dim) => out.line(`let ${dim} = step.${dim};`)));
  const { read, written, functions } = scope;
  const units = chain.map(({ extent }) => extent);
  const unitsOfGroup = group === undefined ? LOOP_WORKGROUP : 1;
  return { text: `${out.toString()}${body.toString()}}\n`, units, unitsOfGroup, read, written, functions };
}

function sharedText({ name, dtype, shape }: WgslShared): string {
  const count = shape.reduce((product, each) => product * each, 1);
  return `var<workgroup> ${wgslIdentifier(name)}: array<${wgslLocalType(dtype)}, ${count}>;`;
}

function countText(chain: readonly For[], scope: WgslScope): string {
  const counts = chain.map(({ extent }) => wgslDim(extent, scope)).filter((text) => text !== "1");
  return counts.length === 0 ? "1" : counts.join(" * ");
}

/** `i0 = unit / 12, i1 = unit / 4 % 3, i2 = unit % 4`, for the loops' extents. */
function printIndices(chain: readonly For[], scope: WgslScope, out: TextWriter): void {
  chain.forEach(({ index, extent }, i) => {
    const inner = countText(chain.slice(i + 1), scope);
    const divided = inner === "1" ? "unit" : `unit / ${inner.includes(" ") ? `(${inner})` : inner}`;
    const value = i === 0 ? divided : `${divided} % ${wgslDim(extent, scope)}`;
    out.line(`let ${wgslIdentifier(index)} = ${value};`);
  });
}

function printBody(body: readonly Statement[], scope: WgslScope, out: TextWriter): void {
  for (const statement of body) printStatement(statement, scope, out);
}

function printStatement(statement: Statement, scope: WgslScope, out: TextWriter): void {
  switch (statement.kind) {
    case "for":
      printLoop(statement, scope, out);
      return;
    case "let": {
      const value = wgslRounded(statement.dtype, statement.value, scope);
      scope.locals.set(statement.name, statement.dtype);
      out.line(`var ${wgslIdentifier(statement.name)}: ${wgslLocalType(statement.dtype)} = ${value};`);
      return;
    }
    case "assign": {
      const dtype = scope.locals.get(statement.name);
      invariant(dtype !== undefined, `the local ${statement.name} is declared`);
      out.line(`${wgslIdentifier(statement.name)} = ${wgslRounded(dtype, statement.value, scope)};`);
      return;
    }
    case "store": {
      const shared = scope.shared.get(statement.buffer);
      if (shared !== undefined) {
        const value = wgslRounded(shared.dtype, statement.value, scope);
        out.line(`${wgslSharedElement(shared, statement.indices, scope)} = ${value};`);
        return;
      }
      const buffer = scope.buffers.find(({ name }) => name === statement.buffer);
      invariant(buffer !== undefined, `the kernel has a buffer ${statement.buffer}`);
      scope.written.add(buffer.name);
      const offset = wgslOffset(buffer, statement.indices, scope);
      const value = wgslStored(buffer.dtype, statement.value, scope);
      out.line(`write_${wgslIdentifier(buffer.name)}(${offset}, ${value});`);
      return;
    }
    case "if":
      out.block(`if (${wgslCondition(statement.condition, scope)}) {`, () => printBody(statement.then, scope, out));
      return;
    // At the head of the module.
    case "shared":
      return;
    case "barrier":
      out.line("workgroupBarrier();");
      if (scope.readsOwnStores) out.line("storageBarrier();");
      return;
    default:
      return assertNever(statement);
  }
}

function printLoop({ index, extent, stride, body }: For, scope: WgslScope, out: TextWriter): void {
  const name = wgslIdentifier(index);
  const first = stride === undefined ? "0" : wgslScalar(stride.from, scope).text;
  const next = stride === undefined ? `${name}++` : `${name} += ${stride.by}`;
  out.block(`for (var ${name} = ${first}; ${name} < ${wgslDim(extent, scope)}; ${next}) {`, () =>
    printBody(body, scope, out),
  );
}
