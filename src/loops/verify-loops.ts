/**
 * Checks a loop kernel before it is printed for a target. A kernel comes from our own records and passes, so
 * each finding is a bug of ours: sentences, without positions. What depends on numbers (bounds, races) is
 * found by running the kernel (`run-loops.ts`).
 */

import { assertNever } from "../base/index.js";
import type { LoopBuffer, LoopKernel, Scalar, Statement } from "../ir/index.js";

/** Names that are visible at one place. */
interface Scope {
  readonly indices: ReadonlySet<string>;
  /** Locals, with whether a parallel loop lies between their declaration and here. */
  readonly locals: Map<string, { readonly shared: boolean }>;
}

interface Check {
  readonly buffers: ReadonlyMap<string, LoopBuffer>;
  readonly findings: string[];
}

/** What is wrong with a kernel, in the order of its text; nothing for a kernel that may run. */
export function verifyLoops(kernel: LoopKernel): readonly string[] {
  const check: Check = { buffers: new Map(kernel.buffers.map((each) => [each.name, each])), findings: [] };
  if (check.buffers.size !== kernel.buffers.length) check.findings.push("two buffers have one name");
  checkBody(kernel.body, { indices: new Set(), locals: new Map() }, check);
  return check.findings;
}

function checkBody(body: readonly Statement[], outer: Scope, check: Check): void {
  const scope = { indices: outer.indices, locals: new Map(outer.locals) };
  for (const statement of body) checkStatement(statement, scope, check);
}

function checkStatement(statement: Statement, scope: Scope, check: Check): void {
  switch (statement.kind) {
    case "for":
      checkLoop(statement, scope, check);
      break;
    case "let":
      checkScalar(statement.value, scope, check);
      if (isTaken(statement.name, scope, check))
        check.findings.push(`\`${statement.name}\` is declared twice`);
      scope.locals.set(statement.name, { shared: false });
      break;
    case "assign":
      checkScalar(statement.value, scope, check);
      checkAssigned(statement.name, scope, check);
      break;
    case "store":
      statement.indices.forEach((each) => checkScalar(each, scope, check));
      checkScalar(statement.value, scope, check);
      checkPlace(statement.buffer, statement.indices.length, check);
      if (check.buffers.get(statement.buffer)?.access === "read") {
        check.findings.push(`\`${statement.buffer}\` is only read, but the kernel stores to it`);
      }
      break;
    case "if":
      checkScalar(statement.condition, scope, check);
      checkBody(statement.then, scope, check);
      break;
    default:
      assertNever(statement);
  }
}

function checkLoop(statement: Extract<Statement, { kind: "for" }>, scope: Scope, check: Check): void {
  const { index, extent, mode, body } = statement;
  if (isTaken(index, scope, check)) check.findings.push(`\`${index}\` is declared twice`);
  if (typeof extent === "number" && !(Number.isInteger(extent) && extent >= 0)) {
    check.findings.push(`the loop \`${index}\` has the extent ${extent}`);
  }
  const locals = [...scope.locals].map(
    ([name, { shared }]) => [name, { shared: shared || mode === "parallel" }] as const,
  );
  checkBody(body, { indices: new Set([...scope.indices, index]), locals: new Map(locals) }, check);
}

function isTaken(name: string, { indices, locals }: Scope, { buffers }: Check): boolean {
  return indices.has(name) || locals.has(name) || buffers.has(name);
}

function checkAssigned(name: string, { locals }: Scope, { findings }: Check): void {
  const found = locals.get(name);
  if (found === undefined) findings.push(`\`${name}\` is assigned but not declared`);
  else if (found.shared)
    findings.push(`\`${name}\` is assigned by the iterations of a parallel loop around which it is declared`);
}

function checkPlace(buffer: string, rank: number, { buffers, findings }: Check): void {
  const found = buffers.get(buffer);
  if (found === undefined) findings.push(`there is no buffer \`${buffer}\``);
  else if (found.shape.length !== rank) {
    findings.push(`\`${buffer}\` has ${found.shape.length} dimensions, found ${rank} indices`);
  }
}

function checkScalar(scalar: Scalar, scope: Scope, check: Check): void {
  switch (scalar.kind) {
    case "number":
    case "extent":
      break;
    case "index":
      if (!scope.indices.has(scalar.name))
        check.findings.push(`no loop around here has the variable \`${scalar.name}\``);
      break;
    case "local":
      if (!scope.locals.has(scalar.name)) check.findings.push(`\`${scalar.name}\` is read but not declared`);
      break;
    case "load":
      scalar.indices.forEach((each) => checkScalar(each, scope, check));
      checkPlace(scalar.buffer, scalar.indices.length, check);
      break;
    case "unary":
    case "cast":
      checkScalar(scalar.operand, scope, check);
      break;
    case "binary":
      checkScalar(scalar.left, scope, check);
      checkScalar(scalar.right, scope, check);
      break;
    case "select":
      [scalar.condition, scalar.then, scalar.otherwise].forEach((each) => checkScalar(each, scope, check));
      break;
    default:
      assertNever(scalar);
  }
}
