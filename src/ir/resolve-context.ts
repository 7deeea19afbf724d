/** What the operations of one function are resolved against, and an operation on its way to being whole. */

import type { Findings } from "./findings.js";
import type { Operation, ValueId } from "./graph.js";
import type { Signature } from "./layers.js";
import type { Registry } from "./registry.js";
import type { NameSyntax, OperationSyntax } from "./syntax.js";
import type { ValueType } from "./types.js";
import type { ValueScope } from "./value-scope.js";

export interface ResolveContext {
  readonly registry: Registry;
  readonly findings: Findings;
  readonly scope: ValueScope;
  /** The functions above this one. */
  readonly functions: ReadonlyMap<string, Signature>;
  /** This function and those below it. */
  readonly laterFunctions: ReadonlyMap<string, NameSyntax>;
}

/** Undefined after a mistake that was reported. */
export type MaybeType = ValueType | undefined;

export interface Draft {
  readonly syntax: OperationSyntax;
  /** The op's name without its dialect, at the place of the whole. */
  readonly op: NameSyntax;
  readonly operands: readonly (ValueId | undefined)[];
  readonly operandTypes: readonly MaybeType[];
  /** The types that the text states for the results. */
  readonly declared: readonly MaybeType[];
}

/** Makes the operation once its operands and results are known. */
export type Finish = (operands: readonly ValueId[], results: readonly ValueId[]) => Operation | undefined;
