/**
 * Extraction under a budget by Lagrangian relaxation: the weight gets a price, extraction minimises cost plus
 * price times weight, and the price is raised until the choice fits, then narrowed down. Of all choices met
 * that fit, the cheapest is given. A heuristic, as DAG extraction is; `extractIlp` proves.
 */
import { type DagOptions, extractDag } from "./dag.js";
import {
  type Extraction,
  type ExtractionNode,
  type ExtractionProblem,
  isUnreachable,
  type OverBudget,
  type Unreachable,
  weightOf,
} from "./problem.js";

/** Steps of raising the price, and of narrowing it down. */
const RAISES = 40;
const NARROWINGS = 12;

export function extractWithin(
  problem: ExtractionProblem,
  options: Partial<DagOptions> = {},
): Extraction | Unreachable | OverBudget {
  const { budget = Number.POSITIVE_INFINITY } = problem;
  const free = extractDag(problem, options);
  if (isUnreachable(free) || weightOf(problem, free.choice) <= budget) return free;
  const found = new PriceSearch(problem, budget, options).run(startPrice(problem, free));
  return found;
}

/** A price at which weight matters about as much as cost. */
function startPrice(problem: ExtractionProblem, { cost, choice }: Extraction): number {
  return Math.max(cost, 1) / weightOf(problem, choice) / 1024;
}

/** Invariant: `#best` fits the budget, and `#least` is the least weight seen. */
class PriceSearch {
  readonly #problem: ExtractionProblem;
  readonly #budget: number;
  readonly #options: Partial<DagOptions>;
  #best: Extraction | undefined;
  #least = Number.POSITIVE_INFINITY;

  constructor(problem: ExtractionProblem, budget: number, options: Partial<DagOptions>) {
    this.#problem = problem;
    this.#budget = budget;
    this.#options = options;
  }

  run(start: number): Extraction | OverBudget {
    let low = 0;
    let high = start;
    for (let i = 0; i < RAISES && !this.#fitsAt(high); i++) {
      low = high;
      high *= 4;
    }
    // the limit of ever higher prices: weight alone, cost deciding between equals
    if (this.#best === undefined) this.#fitsAt(Number.POSITIVE_INFINITY);
    if (this.#best === undefined) return { overBudget: this.#least };
    for (let i = 0; i < NARROWINGS; i++) {
      const middle = (low + high) / 2;
      if (this.#fitsAt(middle)) high = middle;
      else low = middle;
    }
    return this.#best;
  }

  #fitsAt(price: number): boolean {
    const priced = this.#problem.nodes.map((node) => ({ ...node, cost: this.#priceOf(node, price) }));
    const found = extractDag({ ...this.#problem, nodes: priced }, this.#options);
    if (isUnreachable(found)) return false;
    const weight = weightOf(this.#problem, found.choice);
    this.#least = Math.min(this.#least, weight);
    if (weight > this.#budget) return false;
    const { nodes } = this.#problem;
    const cost = found.choice.reduce((sum, node) => sum + (node < 0 ? 0 : nodes[node]!.cost), 0);
    if (this.#best === undefined || cost < this.#best.cost) this.#best = { choice: found.choice, cost };
    return true;
  }

  #priceOf({ cost, weight = 0 }: ExtractionNode, price: number): number {
    if (price !== Number.POSITIVE_INFINITY || !Number.isFinite(cost)) return cost + price * weight;
    return weight;
  }
}
