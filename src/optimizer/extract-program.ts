/**
 * Extraction of a whole program. Scenarios share packed weights, and a better layout often pays only when
 * all of them take it up together: so besides the plain extraction, each scenario's own choice is offered
 * to the others, and the cheapest whole wins.
 */

import type { ENodeId, Extraction, Unreachable } from "../egraph-ts/index.js";
import { extractDag, isUnreachable } from "../egraph-ts/index.js";
import type { ProgramProblem } from "./extraction-problem.js";

export function extractProgram(problem: ProgramProblem): Extraction | Unreachable {
  const first = extractDag(problem);
  if (isUnreachable(first)) return first;
  const scenarios = new Set(
    problem.classes.flatMap((what) => (what.kind === "value" ? [what.scenario] : [])),
  );
  let best = first;
  for (const leader of scenarios) {
    const followed = extractDag(followLeader(problem, first, leader));
    if (!isUnreachable(followed) && followed.cost < best.cost) best = followed;
  }
  return best;
}

/**
 * The problem in which every scenario may only choose what the leader chose, where the leader chose at all.
 */
function followLeader(problem: ProgramProblem, extraction: Extraction, leader: number): ProgramProblem {
  const chosen = new Map<string, ENodeId | undefined>();
  problem.classes.forEach((what, classIndex) => {
    const choice = extraction.choice[classIndex]!;
    if (what.kind !== "value" || what.scenario !== leader || choice === -1) return;
    chosen.set(`${what.region}.${what.cls}`, problem.nodes[choice]?.enode);
  });
  const nodes = problem.nodes.map((node) => {
    const what = problem.classes[node.classIndex];
    if (what?.kind !== "value") return node;
    const key = `${what.region}.${what.cls}`;
    return !chosen.has(key) || chosen.get(key) === node.enode ? node : { ...node, cost: Infinity };
  });
  return { ...problem, nodes };
}
