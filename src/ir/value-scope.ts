/** The values of one function while its text is read: which are defined so far, and what they are called. */

import type { Findings } from "./findings.js";
import { didYouMean } from "../diagnostics/index.js";
import type { ValueId, ValueInfo } from "./graph.js";
import type { NameSyntax, UseSyntax } from "./syntax.js";
import type { ValueType } from "./types.js";

/** How many known names are searched for one that is near an unknown name. */
const suggestionLimit = 1000;

interface ScopeValue {
  readonly name: string;
  /** Undefined after a mistake; such a value is used without further complaint. */
  readonly type: ValueType | undefined;
}

interface Definition {
  readonly name: NameSyntax;
  readonly values: readonly ValueId[];
}

/** Invariant: every id in `#definitions` indexes `#values`, and the names in `#values` are distinct. */
export class ValueScope {
  readonly #findings: Findings;
  readonly #values: ScopeValue[] = [];
  readonly #definitions = new Map<string, Definition>();
  /** Every name that the function defines anywhere, with its first place. */
  readonly #everywhere = new Map<string, NameSyntax>();
  readonly #taken: Set<string>;

  constructor(findings: Findings, names: readonly NameSyntax[]) {
    this.#findings = findings;
    for (const name of names) if (!this.#everywhere.has(name.text)) this.#everywhere.set(name.text, name);
    this.#taken = new Set(this.#everywhere.keys());
  }

  /** Defines one name, for one value or for several that are told apart by `#index`. */
  define(name: NameSyntax, types: readonly (ValueType | undefined)[]): readonly ValueId[] {
    const earlier = this.#definitions.get(name.text);
    if (earlier !== undefined) {
      const related = { message: "first defined here", span: earlier.name.span };
      this.#findings.report("ir/redefinition", name.span, `\`%${name.text}\` is defined twice`, { related });
    }
    const values = types.map((type, i) => {
      return this.#add(types.length === 1 ? name.text : this.#numbered(name.text, i), type);
    });
    if (earlier === undefined) this.#definitions.set(name.text, { name, values });
    return values;
  }

  /** The value that a use means; undefined, after a report, when there is none. */
  resolve(use: UseSyntax): ValueId | undefined {
    const definition = this.#definitions.get(use.name.text);
    if (definition === undefined) {
      this.#reportUnknown(use);
      return undefined;
    }
    const value = definition.values[use.index];
    if (value === undefined) {
      const count = definition.values.length;
      const message = `\`%${use.name.text}\` has ${count} ${count === 1 ? "result" : "results"}, numbered from 0`;
      this.#findings.report("ir/undefined-value", use.span, message);
    }
    return value;
  }

  typeOf(value: ValueId | undefined): ValueType | undefined {
    return value === undefined ? undefined : this.#values[value]?.type;
  }

  /** All values, or undefined when the type of one is not known. */
  finish(): readonly ValueInfo[] | undefined {
    const known: ValueInfo[] = [];
    for (const { name, type } of this.#values) {
      if (type === undefined) return undefined;
      known.push({ name, type });
    }
    return known;
  }

  #add(name: string, type: ValueType | undefined): ValueId {
    return (this.#values.push({ name, type }) - 1) as ValueId;
  }

  /** A name for result `i` of several that share a name: `y_0`, unless the function has a `%y_0` already. */
  #numbered(name: string, i: number): string {
    let candidate = `${name}_${i}`;
    // A name of digits alone cannot go on with an underscore.
    if (/^[0-9]/.test(candidate)) candidate = `_${candidate}`;
    while (this.#taken.has(candidate)) candidate = `${candidate}_`;
    this.#taken.add(candidate);
    return candidate;
  }

  #reportUnknown(use: UseSyntax): void {
    const name = use.name.text;
    const later = this.#everywhere.get(name);
    if (later !== undefined) {
      const related = { message: "defined here", span: later.span };
      const message = `\`%${name}\` is used before it is defined`;
      this.#findings.report("ir/used-before-definition", use.span, message, { related });
      return;
    }
    this.#findings.report("ir/undefined-value", use.span, `no value \`%${name}\` is defined`, {
      hint: () => didYouMean(name, [...this.#definitions.keys()].slice(-suggestionLimit))?.replace("`", "`%"),
    });
  }
}
