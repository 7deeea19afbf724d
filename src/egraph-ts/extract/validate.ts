/**
 * What it means for an extraction to be right, in the plainest words: every root has a choice, whatever a
 * chosen node reads has a choice, nothing reads itself, nothing is chosen in vain, the cost is the sum over
 * chosen nodes, and their weight is within the budget. Quadratic and independent of the extractors.
 */
import type { Extraction, ExtractionProblem } from "./problem.js";

const RELATIVE_TOLERANCE = 1e-9;

/** One sentence for each fault; empty if there is none. */
export function validateExtraction(problem: ExtractionProblem, extraction: Extraction): readonly string[] {
  const { choice, cost } = extraction;
  if (choice.length !== problem.classCount) {
    return [`the choice covers ${choice.length} classes of ${problem.classCount}`];
  }
  const chosen = [...choice.keys()].filter((cls) => choice[cls] !== -1);
  const faults = [
    ...problem.roots.filter((root) => choice[root] === -1).map((root) => `root ${root} has no choice`),
    ...chosen.flatMap((cls) => faultsOfChoice(problem, choice, cls)),
  ];
  if (faults.length > 0) return faults;
  const sum = chosen.reduce((total, cls) => total + problem.nodes[choice[cls]!]!.cost, 0);
  if (Math.abs(sum - cost) > RELATIVE_TOLERANCE * Math.max(1, Math.abs(sum))) {
    faults.push(`the cost is given as ${cost}, but the chosen nodes cost ${sum}`);
  }
  const weight = chosen.reduce((total, cls) => total + (problem.nodes[choice[cls]!]!.weight ?? 0), 0);
  const { budget = Number.POSITIVE_INFINITY } = problem;
  if (weight > budget * (1 + RELATIVE_TOLERANCE)) faults.push(`the choice weighs ${weight}, the budget is ${budget}`);
  return [...faults, ...faultsOfShape(problem, choice, chosen)];
}

function faultsOfChoice(problem: ExtractionProblem, choice: Int32Array, cls: number): readonly string[] {
  const node = problem.nodes[choice[cls]!];
  if (node === undefined) return [`class ${cls} chooses node ${choice[cls]!}, which does not exist`];
  if (node.classIndex !== cls) return [`class ${cls} chooses a node of class ${node.classIndex}`];
  if (!Number.isFinite(node.cost)) return [`class ${cls} chooses a node of infinite cost`];
  const missing = node.children.filter((child) => choice[child] === -1);
  return missing.map((child) => `class ${cls} reads class ${child}, which has no choice`);
}

/**
 * Repeatedly sets aside a class all of whose children are set aside; then asks whether the roots need all.
 */
function faultsOfShape(problem: ExtractionProblem, choice: Int32Array, chosen: readonly number[]): string[] {
  const childrenOf = (cls: number): readonly number[] => problem.nodes[choice[cls]!]!.children;
  const done = new Set<number>();
  for (let before = -1; before !== done.size; ) {
    before = done.size;
    for (const cls of chosen) if (childrenOf(cls).every((child) => done.has(child))) done.add(cls);
  }
  const needed = new Set(problem.roots);
  for (let before = -1; before !== needed.size; ) {
    before = needed.size;
    for (const cls of [...needed]) for (const child of childrenOf(cls)) needed.add(child);
  }
  return [
    ...chosen.filter((cls) => !done.has(cls)).map((cls) => `class ${cls} is on a cycle or reads one`),
    ...chosen.filter((cls) => !needed.has(cls)).map((cls) => `class ${cls} is chosen, but no root needs it`),
  ];
}
