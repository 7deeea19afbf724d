/**
 * Checks a loop kernel before it is printed for a target. A kernel comes from our own records and passes, so
 * each finding is a bug of ours: sentences, without positions. What depends on numbers (bounds, races) is
 * found by running the kernel (`run-loops.ts`).
 */

import { assertNever } from "../base/index.js";
import { dtypeBytes } from "../ir/index.js";
import type { LoopBuffer, LoopKernel, Scalar, Statement } from "../ir/index.js";

/** On-chip memory that every device gives a workgroup, in bytes, and lanes that it may have. */
const MOST_SHARED = 16384;
const MOST_LANES = 256;

/**
 * Where a statement stands: among parallel loops alone, where a workgroup may begin; in the body of one; in
 * loops of that body by which all lanes come alike; in a vector loop; elsewhere.
 */
type Level = "top" | "workgroup" | "uniform" | "vector" | "other";

/** Names that are visible at one place. */
interface Scope {
  readonly level: Level;
  readonly indices: ReadonlySet<string>;
  /** Locals, with whether a parallel loop lies between their declaration and here. */
  readonly locals: Map<string, { readonly shared: boolean }>;
}

interface Check {
  /** Of the kernel, and on-chip memory that has been met. */
  readonly buffers: Map<string, Pick<LoopBuffer, "shape" | "access">>;
  readonly findings: string[];
}

/** What is wrong with a kernel, in the order of its text; nothing for a kernel that may run. */
export function verifyLoops(kernel: LoopKernel): readonly string[] {
  const check: Check = { buffers: new Map(kernel.buffers.map((each) => [each.name, each])), findings: [] };
  if (check.buffers.size !== kernel.buffers.length) check.findings.push("two buffers have one name");
  checkBody(kernel.body, { level: "top", indices: new Set(), locals: new Map() }, check);
  return check.findings;
}

function checkBody(body: readonly Statement[], outer: Scope, check: Check): void {
  const scope = { ...outer, locals: new Map(outer.locals) };
  for (const statement of body) checkStatement(statement, scope, check);
  if (outer.level === "workgroup") checkShared(body, check);
  const isGroup = (each: Statement): boolean => each.kind === "for" && each.mode === "workgroup";
  if (body.length > 1 && body.some(isGroup)) check.findings.push("something stands beside a workgroup loop");
}

type OnChip = Extract<Statement, { kind: "shared" }>;

function checkOnChip({ name, shape }: OnChip, scope: Scope, check: Check): void {
  const { buffers, findings } = check;
  if (scope.level !== "workgroup") {
    findings.push(`\`${name}\` is on-chip memory outside the body of a workgroup`);
  }
  if (isTaken(name, scope, check)) findings.push(`\`${name}\` is declared twice`);
  if (!shape.every((each) => Number.isInteger(each) && each > 0)) {
    findings.push(`\`${name}\` has the shape [${shape.join(", ")}]`);
  }
  buffers.set(name, { shape, access: "update" });
}

/** On-chip memory ends with its workgroup. */
function checkShared(body: readonly Statement[], check: Check): void {
  const shared = body.filter((each) => each.kind === "shared");
  const bytes = shared.reduce((sum, { dtype, shape }) => {
    return sum + shape.reduce((size, each) => size * each, dtypeBytes(dtype));
  }, 0);
  if (bytes > MOST_SHARED) {
    check.findings.push(`a workgroup has ${bytes} bytes of on-chip memory, of ${MOST_SHARED}`);
  }
  for (const { name } of shared) check.buffers.delete(name);
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
      checkBody(statement.then, { ...scope, level: scope.level === "vector" ? "vector" : "other" }, check);
      break;
    case "shared":
      checkOnChip(statement, scope, check);
      break;
    case "barrier":
      if (scope.level !== "workgroup" && scope.level !== "uniform") {
        check.findings.push("a barrier stands where not all lanes of a workgroup come by alike");
      }
      break;
    default:
      assertNever(statement);
  }
}

type For = Extract<Statement, { kind: "for" }>;

function checkLoop(statement: For, scope: Scope, check: Check): void {
  const { index, extent, mode, stride, body } = statement;
  if (isTaken(index, scope, check)) check.findings.push(`\`${index}\` is declared twice`);
  if (typeof extent === "number" && !(Number.isInteger(extent) && extent >= 0)) {
    check.findings.push(`the loop \`${index}\` has the extent ${extent}`);
  }
  checkMode(statement, scope, check);
  if (stride !== undefined) checkScalar(stride.from, scope, check);
  const locals = [...scope.locals].map(
    ([name, { shared }]) => [name, { shared: shared || mode !== "serial" }] as const,
  );
  const level = levelInside(statement, scope.level);
  checkBody(body, { level, indices: new Set([...scope.indices, index]), locals: new Map(locals) }, check);
}

function levelInside({ mode, stride }: For, outer: Level): Level {
  if (mode === "workgroup" || mode === "vector") return mode;
  if (mode === "parallel") return outer === "top" ? "top" : "other";
  return stride === undefined && (outer === "workgroup" || outer === "uniform") ? "uniform" : "other";
}

function checkMode({ index, extent, mode, stride }: For, { level }: Scope, { findings }: Check): void {
  if (level === "vector") findings.push(`the loop \`${index}\` stands inside a vector loop`);
  if (stride !== undefined && (mode !== "serial" || !(Number.isInteger(stride.by) && stride.by > 0))) {
    findings.push(`the ${mode} loop \`${index}\` has a stride of ${stride.by}`);
  }
  if (mode === "serial" || mode === "parallel") return;
  if (typeof extent !== "number" || (mode === "workgroup" && (extent < 1 || extent > MOST_LANES))) {
    findings.push(`the ${mode} loop \`${index}\` has the extent ${extent}`);
  }
  if (mode === "workgroup" && level !== "top") {
    findings.push(`the workgroup loop \`${index}\` stands inside other than parallel loops`);
  }
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
