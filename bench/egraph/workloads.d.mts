/** Types of `workloads.mjs` for the tests that run on the same terms and rules. */

export type Sexp = string | readonly Sexp[];

export type RuleSet = "AC" | "micro" | "pure";

/** Rows of name, left and right side. */
export function rulesOf(set: RuleSet): readonly (readonly [name: string, left: string, right: string])[];

export function parseSexp(text: string): Sexp;

export function sumText(n: number): string;

export const SAMPLES: readonly string[];
