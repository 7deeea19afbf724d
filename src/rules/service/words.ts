/** The words of the language, with what they mean. */

export const purposeDocs = {
  simplify: "The rules have a right side that is never worse.",
  normalise: "The rules bring many spellings to one.",
  replace: "The rules take what they match out of the choice: their right side stands for it.",
  lower: "The rules reach the kernels of a target.",
  explore: "The rules grow the graph, and run under a budget.",
} as const;

export const classDocs = {
  exact: "Both sides are equal bit for bit.",
  reassociates: "Both sides are equal over the reals; a float bound follows from the dtype and the length of the sums.",
  approximate: "Close: the right side reads `quantize(…)`, and whoever reads that node pays its measured error.",
} as const;

/** Words that no name may be spelled like. */
const reserved: ReadonlySet<string> = new Set(["where", "or", "not", "let"]);

export function isReserved(name: string): boolean {
  return reserved.has(name);
}

/** Words that open an item of a file. */
export const itemDocs = {
  rule: "A rewrite: its class before the word, its name behind it.",
  test: "What the rules of the file prove (`=>`), or must not prove (`!=>`).",
  given: "Leaves of the tests below.",
  import: "Another family that this one relies on.",
} as const;
