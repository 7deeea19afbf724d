/**
 * What a fused kernel computes, as a term over its operands: `add(matmul(%0, %1), %2)`. Attributes follow the
 * operands, as JSON: `rms_norm(%0, %1; epsilon: 0.00001)`. Equal terms have equal texts.
 */

import { IllTyped } from "../ir/index.js";
import type { Attrs, AttrValue } from "../ir/index.js";

export type FusedTerm = FusedLeaf | FusedNode;

export interface FusedLeaf {
  readonly kind: "leaf";
  /** The kernel's operand. */
  readonly operand: number;
}

export interface FusedNode {
  readonly kind: "node";
  readonly op: string;
  readonly operands: readonly FusedTerm[];
  readonly attrs: Attrs;
}

export function printFusedTerm(term: FusedTerm): string {
  if (term.kind === "leaf") return `%${term.operand}`;
  const operands = term.operands.map(printFusedTerm).join(", ");
  const names = Object.keys(term.attrs).sort();
  const attrs = names.map((name) => `${name}: ${attrText(term.attrs[name])}`).join(", ");
  return `${term.op}(${operands}${attrs === "" ? "" : `; ${attrs}`})`;
}

/** JSON has no infinities and no -0. */
function attrText(value: AttrValue | undefined): string {
  if (typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0))) return JSON.stringify(value);
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Throws `IllTyped` for a text that is no term of an op over operands. */
export function parseFusedTerm(text: string): FusedNode {
  const reader = new TermReader(text);
  const term = reader.term();
  if (term.kind === "leaf" || !reader.atEnd) throw new IllTyped(`\`${text}\` is no term of a fused kernel`);
  return term;
}

/** Deeper terms than any rule makes. */
const MAX_DEPTH = 32;

/** Invariant: everything before `#at` has been read. */
class TermReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  term(): FusedTerm {
    const leaf = this.#take(/%(\d{1,3})/y);
    if (leaf !== undefined) return { kind: "leaf", operand: Number(leaf[1]) };
    const op = this.#need(/([A-Za-z_][\w.]*)\(/y)[1] ?? "";
    if (++this.#depth > MAX_DEPTH) this.#refuse();
    const operands: FusedTerm[] = [];
    if (this.#take(/(?=[;)])/y) === undefined) {
      do operands.push(this.term());
      while (this.#take(/, /y) !== undefined);
    }
    const attrs: Record<string, AttrValue> = {};
    if (this.#take(/(?:; )/y) !== undefined) {
      do attrs[this.#need(/(\w+): /y)[1] ?? ""] = this.#attr();
      while (this.#take(/, /y) !== undefined);
    }
    this.#need(/\)/y);
    this.#depth--;
    return { kind: "node", op, operands, attrs };
  }

  #attr(): AttrValue {
    const word = this.#need(/\[[^\]]*\]|"(?:[^"\\]|\\.)*"|[^,)\s]+/y)[0];
    if (/^-?Infinity$|^NaN$/.test(word)) return Number(word);
    try {
      return JSON.parse(word) as AttrValue;
    } catch {
      return this.#refuse();
    }
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text) ?? undefined;
    if (found !== undefined) this.#at = pattern.lastIndex;
    return found;
  }

  #need(pattern: RegExp): RegExpExecArray {
    return this.#take(pattern) ?? this.#refuse();
  }

  #refuse(): never {
    throw new IllTyped(`\`${this.#text}\` is no term of a fused kernel: at ${this.#at}`);
  }
}
