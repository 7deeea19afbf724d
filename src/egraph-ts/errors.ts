/**
 * The one error type of the engine. `code` is stable and meant for programs; the message is meant for people
 * and names the rule and the variable or class at fault.
 */
import type { EClassId } from "./types.js";

export type EGraphErrorCode =
  /** A template, or a conclusion's root, reads a class variable that no premise binds. */
  | "unbound-variable"
  /** A rule with no premise or no conclusion. */
  | "empty-rule"
  /** A rule that asks for something it cannot have; the message says what. */
  | "bad-rule"
  /** A match view was asked for a name that its rule does not bind. */
  | "unknown-name"
  /** An id that this graph never gave out. */
  | "unknown-id"
  /** An analysis refused to merge the data of two classes. */
  | "analysis-conflict"
  /** An operation that needs a rebuilt graph was asked of a dirty one. */
  | "dirty-graph"
  /** A `pop` without a `push`. */
  | "no-checkpoint"
  /** A file of another tool that cannot be read; the message names the place. */
  | "bad-file"
  /** A root that no finite, acyclic choice of nodes reaches. */
  | "unreachable-root"
  /** No choice keeps within the budget. */
  | "over-budget"
  /** An extraction method was asked for that needs a solver, and none was given. */
  | "no-solver"
  /** An explanation was asked of a graph that keeps none. */
  | "no-explanations"
  /** An explanation was asked for two classes that are not known to be equal. */
  | "not-equal"
  /** An extraction problem with a negative or undefined cost, or an index out of range. */
  | "bad-problem";

/** Where a refused union came from. */
export interface ConflictDetail {
  readonly left: EClassId;
  readonly right: EClassId;
  readonly conflict: string;
  /** The rule whose application asked for the union, or led to it by congruence. */
  readonly rule: string | undefined;
  readonly substitution: Readonly<Record<string, EClassId>> | undefined;
  /** The union was not asked for, but followed from others by congruence or through the analysis. */
  readonly byCongruence: boolean;
}

export class EGraphError extends Error {
  override readonly name = "EGraphError";
  readonly code: EGraphErrorCode;
  readonly detail: ConflictDetail | undefined;

  constructor(code: EGraphErrorCode, message: string, detail?: ConflictDetail) {
    super(message);
    this.code = code;
    this.detail = detail;
  }
}
