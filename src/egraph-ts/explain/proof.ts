/**
 * What a proof of equality is: a list of terms, and a flat list of steps, each of which proves an equation
 * between two of the terms from nothing but earlier steps. A shared subterm or lemma is written once, so a
 * proof is never larger than what it is about. `prover.ts` finds proofs, `check-proof.ts` replays them.
 */

export interface ProofTerm {
  readonly op: string;
  readonly payload: unknown;
  readonly key: string;
  /** Earlier terms. */
  readonly children: readonly number[];
}

/** An earlier step, read from left to right or from right to left. */
export interface StepUse {
  readonly step: number;
  readonly direction: "forward" | "backward";
}

/** Leads from one term to another; without any use, they are the same term. */
export type Chain = readonly StepUse[];

/** The term that a premise's pattern stands for, and why the class of its root holds it. */
export interface PremiseProof {
  readonly instance: number;
  /** From what the premise's root stands for to `instance`. */
  readonly chain: Chain;
}

export type ProofStep =
  | {
      readonly kind: "rule";
      /** What the conclusion's root stands for. */
      readonly left: number;
      /** The conclusion's template. */
      readonly right: number;
      readonly rule: string;
      readonly conclusion: number;
      /** Class variable to term. */
      readonly substitution: Readonly<Record<string, number>>;
      readonly premises: readonly PremiseProof[];
    }
  | {
      readonly kind: "congruence";
      readonly left: number;
      readonly right: number;
      /** For each child, from that of `left` to that of `right`. */
      readonly children: readonly Chain[];
    }
  /** Taken on trust: a union by the caller, or by the analysis. */
  | { readonly kind: "given" | "analysis"; readonly left: number; readonly right: number };

export interface Proof {
  readonly terms: readonly ProofTerm[];
  readonly steps: readonly ProofStep[];
  readonly left: number;
  readonly right: number;
  /** From `left` to `right`. */
  readonly chain: Chain;
}

/** A term as an s-expression; a payload is written by its key. */
export function printTerm({ terms }: Pick<Proof, "terms">, index: number): string {
  const term = terms[index];
  if (term === undefined) return "?";
  const name = term.key === "" ? term.op : `${term.op}:${term.key}`;
  if (term.children.length === 0) return name;
  return `(${[name, ...term.children.map((child) => printTerm({ terms }, child))].join(" ")})`;
}
