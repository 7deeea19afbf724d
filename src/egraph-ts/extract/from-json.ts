/** Extraction from an `egraph-serialize` file, all in one: text in, choice and cost out. */
import { EGraphError } from "../errors.js";
import { parseSerialized } from "../read-serialized.js";
import type { SerializedEGraph } from "../serialize.js";
import { extractDag } from "./dag.js";
import { extractIlp, type IlpOptions } from "./ilp.js";
import { type Extraction, type ExtractionProblem, isOverBudget, isUnreachable } from "./problem.js";
import { extractTree } from "./tree.js";

export const EXTRACTION_METHODS = ["greedy", "greedy-dag", "ilp"] as const;
export type ExtractionMethod = (typeof EXTRACTION_METHODS)[number];

export interface JsonExtractionOptions {
  /** Milliseconds on any clock. Default: `Date.now`. */
  readonly now?: () => number;
  /** What "ilp" needs. */
  readonly ilp?: IlpOptions;
  /** Class names. Default: the roots of the file. */
  readonly roots?: readonly string[];
}

export interface JsonExtraction {
  /** Each chosen node paid for once. */
  readonly cost: number;
  /** Name of each class that the roots need to the name of its node. */
  readonly choice: Readonly<Record<string, string>>;
  /** Of the extraction alone, without reading. */
  readonly timeMs: number;
  /** No choice costs less. The "ilp" method alone knows one. */
  readonly bound: number | undefined;
}

/** An extraction problem that remembers the names of a file. */
export interface NamedProblem extends ExtractionProblem {
  readonly classNames: readonly string[];
  readonly nodeNames: readonly string[];
}

/**
 * Throws `bad-file` for a file that is not what it should be, `unreachable-root` for a root that no finite
 * term stands for, `no-solver` for "ilp" without one.
 */
export async function extractFromJson(
  text: string,
  method: ExtractionMethod,
  options: JsonExtractionOptions = {},
): Promise<JsonExtraction> {
  const { now = Date.now } = options;
  const problem = problemOf(parseSerialized(text), options.roots);
  const began = now();
  const result = await extractBy(problem, method, options.ilp);
  const timeMs = now() - began;
  const { nodeNames, classNames } = problem;
  const chosen = [...result.choice.entries()].filter(([, node]) => node !== -1);
  const choice = Object.fromEntries(chosen.map(([cls, node]) => [classNames[cls]!, nodeNames[node]!]));
  return { cost: result.cost, choice, timeMs, bound: result.lowerBound };
}

async function extractBy(
  problem: NamedProblem,
  method: ExtractionMethod,
  ilp: IlpOptions | undefined,
): Promise<Extraction & { readonly lowerBound?: number }> {
  const result = await runMethod(problem, method, ilp);
  if (isOverBudget(result)) throw new EGraphError("over-budget", `no choice weighs less than ${result.overBudget}`);
  if (!isUnreachable(result)) return result;
  const names = result.unreachable.map((root) => JSON.stringify(problem.classNames[root])).join(", ");
  throw new EGraphError("unreachable-root", `no finite term stands for the root class ${names}`);
}

function runMethod(problem: NamedProblem, method: ExtractionMethod, ilp: IlpOptions | undefined) {
  switch (method) {
    case "greedy":
      return extractTree(problem);
    case "greedy-dag":
      return extractDag(problem);
    case "ilp":
      if (ilp === undefined) throw new EGraphError("no-solver", "extraction by ilp needs a solver");
      return extractIlp(problem, ilp);
  }
}

/** Subsumed nodes are never chosen. */
export function problemOf(
  file: SerializedEGraph,
  rootNames: readonly string[] = file.root_eclasses,
): NamedProblem {
  const entries = Object.entries(file.nodes);
  const classNames = [...new Set(entries.map(([, { eclass }]) => eclass))];
  const classOf = new Map(classNames.map((name, i) => [name, i]));
  const roots = rootNames.map((name) => classOf.get(name) ?? unknownRoot(name));
  if (roots.length === 0) throw new EGraphError("bad-file", "root_eclasses: the file names no root");
  const nodes = entries.map(([, { eclass, children, cost, subsumed }]) => ({
    classIndex: classOf.get(eclass) ?? -1,
    children: [...new Set(children.map((child) => classOf.get(file.nodes[child]?.eclass ?? "") ?? -1))],
    cost: subsumed ? Number.POSITIVE_INFINITY : cost,
  }));
  return { nodes, classCount: classNames.length, roots, classNames, nodeNames: entries.map(([id]) => id) };
}

function unknownRoot(name: string): never {
  throw new EGraphError("bad-file", `no node is of the root class ${JSON.stringify(name)}`);
}
