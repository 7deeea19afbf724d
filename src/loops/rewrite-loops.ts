/** Walks over loop kernels: every scalar rebuilt, names replaced. */

import { assertNever } from "../base/index.js";
import type { Scalar, Statement } from "../ir/index.js";

/** A scalar with its parts rewritten first, then itself. */
export function mapScalar(scalar: Scalar, change: (scalar: Scalar) => Scalar): Scalar {
  return change(mapParts(scalar, (part) => mapScalar(part, change)));
}

/** A scalar with each of its direct parts replaced. */
export function mapParts(scalar: Scalar, change: (part: Scalar) => Scalar): Scalar {
  switch (scalar.kind) {
    case "number":
    case "index":
    case "local":
    case "extent":
      return scalar;
    case "load":
      return { ...scalar, indices: scalar.indices.map(change) };
    case "unary":
    case "cast":
      return { ...scalar, operand: change(scalar.operand) };
    case "binary":
      return { ...scalar, left: change(scalar.left), right: change(scalar.right) };
    case "select": {
      const { condition, then, otherwise } = scalar;
      return { ...scalar, condition: change(condition), then: change(then), otherwise: change(otherwise) };
    }
    default:
      return assertNever(scalar);
  }
}

/** A statement with each of its own scalars replaced; bodies stay as they are. */
export function mapOwnScalars(statement: Statement, change: (scalar: Scalar) => Scalar): Statement {
  switch (statement.kind) {
    case "for": {
      const { stride } = statement;
      if (stride === undefined) return statement;
      return { ...statement, stride: { ...stride, from: change(stride.from) } };
    }
    case "shared":
    case "barrier":
      return statement;
    case "let":
    case "assign":
      return { ...statement, value: change(statement.value) };
    case "store":
      return { ...statement, indices: statement.indices.map(change), value: change(statement.value) };
    case "if":
      return { ...statement, condition: change(statement.condition) };
    default:
      return assertNever(statement);
  }
}

/** The statements inside a loop or a condition; none for the others. */
export function bodyOf(statement: Statement): readonly Statement[] {
  if (statement.kind === "for") return statement.body;
  return statement.kind === "if" ? statement.then : [];
}

export function withBody(statement: Statement, body: readonly Statement[]): Statement {
  if (statement.kind === "for") return { ...statement, body };
  return statement.kind === "if" ? { ...statement, then: body } : statement;
}

/** All statements with what is inside them, outermost first. */
export function allStatements(body: readonly Statement[]): readonly Statement[] {
  return body.flatMap((each) => [each, ...allStatements(bodyOf(each))]);
}

/** What names stand for in a copy of some statements; those without an entry stay as they are. */
export interface Renaming {
  readonly buffers?: ReadonlyMap<string, string>;
  /** Loop variables, by what replaces them where they are read. */
  readonly indices?: ReadonlyMap<string, Scalar>;
  /** Names of loops and locals, where they are declared and where they are read. */
  readonly names?: ReadonlyMap<string, string>;
}

export function renameScalar(scalar: Scalar, { buffers, indices, names }: Renaming): Scalar {
  return mapScalar(scalar, (each) => {
    switch (each.kind) {
      case "index":
        return indices?.get(each.name) ?? { kind: "index", name: names?.get(each.name) ?? each.name };
      case "local":
        return { kind: "local", name: names?.get(each.name) ?? each.name };
      case "load":
        return { ...each, buffer: buffers?.get(each.buffer) ?? each.buffer };
      default:
        return each;
    }
  });
}

export function renameBody(body: readonly Statement[], renaming: Renaming): readonly Statement[] {
  const named = (name: string): string => renaming.names?.get(name) ?? name;
  return body.map((statement) => {
    const own = mapOwnScalars(statement, (scalar) => renameScalar(scalar, renaming));
    switch (own.kind) {
      case "for":
        return { ...own, index: named(own.index), body: renameBody(own.body, renaming) };
      case "if":
        return { ...own, then: renameBody(own.then, renaming) };
      case "let":
      case "assign":
        return { ...own, name: named(own.name) };
      case "shared":
      case "barrier":
        return own;
      case "store":
        return { ...own, buffer: renaming.buffers?.get(own.buffer) ?? own.buffer };
      default:
        return assertNever(own);
    }
  });
}

/** Names of loops and locals that some statements declare. */
export function declaredNames(body: readonly Statement[]): readonly string[] {
  return allStatements(body).flatMap((each) => {
    if (each.kind === "for") return [each.index];
    return each.kind === "let" ? [each.name] : [];
  });
}

/** Names of loops and locals that a scalar reads. */
export function readNames(scalar: Scalar): ReadonlySet<string> {
  const names = new Set<string>();
  mapScalar(scalar, (each) => {
    if (each.kind === "index" || each.kind === "local") names.add(each.name);
    return each;
  });
  return names;
}
