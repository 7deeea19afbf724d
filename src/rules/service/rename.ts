/** New names for variables and rules, wherever they stand in a file. */

import type { Span } from "../../diagnostics/index.js";
import { isReserved } from "./words.js";
import type { FileSymbol } from "./symbols.js";
import { symbolAt, usesOf } from "./symbols.js";

export interface Renaming {
  /** The part of the text that is the name. */
  readonly span: Span;
  readonly text: string;
}

/** What can be renamed at an offset. */
export function renamable(symbols: readonly FileSymbol[], offset: number): Renaming | undefined {
  const symbol = symbolAt(symbols, offset);
  if (symbol?.kind === "variable") return { text: symbol.text, span: nameOf(symbol) };
  return symbol?.kind === "rule" ? { text: symbol.text, span: symbol.span } : undefined;
}

type Symbols = readonly FileSymbol[];

/** The places that get the new name, or one sentence that says why it cannot be had. */
export function rename(symbols: Symbols, offset: number, given: string): readonly Span[] | string {
  const symbol = symbolAt(symbols, offset);
  const name = given.replace(/^\?/, "");
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || name === "_") return "a name is made of letters, digits and `_`";
  if (isReserved(name)) return `\`${name}\` is a word of the language`;
  if (symbol?.kind === "variable") {
    const { item } = symbol;
    const taken = symbols.some((each) => each.kind === "variable" && each.text === name && each.item === item);
    if (taken && name !== symbol.text) return `\`?${name}\` stands for something else here`;
    return usesOf(symbols, symbol).map(nameOf);
  }
  if (symbol?.kind !== "rule") return "only variables and rules can be renamed";
  const taken = symbols.some((each) => each.kind === "rule" && each.text === name);
  return taken && name !== symbol.text ? `there is a rule \`${name}\` already` : [symbol.span];
}

function nameOf({ span }: FileSymbol): Span {
  return { start: span.start + 1, end: span.end };
}
