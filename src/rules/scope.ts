/**
 * The variables of one direction of a rule: what the left side binds, and what the other parts use. Values
 * and attributes share one namespace, so that a name means one thing in a rule.
 */

import type { Span } from "../diagnostics/index.js";
import { didYouMean } from "../diagnostics/index.js";
import type { Kind } from "./expression-values.js";
import type { Findings } from "./findings.js";

interface Entry {
  readonly kind: Kind;
  readonly span: Span;
  /** A premise's root: naming it is not using it, and it needs no use. */
  readonly root: boolean;
  /** Occurrences after the first one. */
  uses: number;
}

/** Invariant: every name has one entry, made where the left side first mentions it. */
export class Scope {
  readonly #entries = new Map<string, Entry>();
  readonly #findings: Findings;
  #lenient = false;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** Binds a name, or joins with what bears it already. */
  bind(name: string, kind: Kind, span: Span, root = false): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      this.#entries.set(name, { kind, span, root, uses: 0 });
      return;
    }
    entry.uses += 1;
    if (entry.kind === kind || (isNumeric(entry.kind) && isNumeric(kind))) return;
    const message = `\`?${name}\` is ${describeKind(kind)} here and ${describeKind(entry.kind)} elsewhere`;
    const related = { message: `\`?${name}\` is bound here`, span: entry.span };
    this.#findings.report("rule/variable-kind", span, message, { related, hint: "use two names" });
  }

  /** The left side has mistakes: names it may have meant to bind are not reported as unbound. */
  beLenient(): void {
    this.#lenient = true;
  }

  /** A shared term of the right side. */
  declare(name: string, span: Span): void {
    this.#entries.set(name, { kind: "operand", span, root: false, uses: 0 });
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** The kind of a name that is used; reports one that is not bound. */
  use(name: string, span: Span): Kind | undefined {
    const entry = this.#entries.get(name);
    if (entry !== undefined) {
      entry.uses += 1;
      return entry.kind;
    }
    if (this.#lenient) return undefined;
    const hint = didYouMean(name, this.#entries.keys()) ?? "variables are bound by the left side";
    this.#findings.report(
      "rule/unbound-variable",
      span,
      `\`?${name}\` is not bound by the left side`,
      { hint },
    );
    return undefined;
  }

  reportUnused(): void {
    for (const [name, { uses, root, span }] of this.#entries) {
      if (uses > 0 || root) continue;
      const message = `\`?${name}\` is bound but never used`;
      this.#findings.report(
        "rule/unused-variable",
        span,
        message,
        { hint: "write `_` if it does not matter" },
      );
    }
  }
}

function isNumeric(kind: Kind): boolean {
  return kind === "number" || kind === "dim";
}

const kindWords: Readonly<Record<Kind, string>> = {
  number: "a number",
  dim: "a dimension",
  string: "a string",
  bool: "a yes or no",
  dtype: "a dtype",
  list: "a list",
  type: "a type",
  operand: "a value",
};

export function describeKind(kind: Kind): string {
  return kindWords[kind];
}
