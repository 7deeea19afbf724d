import { describe, expect, test } from "vitest";
import { backoffScheduler, EGraph, type Rule, saturate, validateEGraph } from "../../../src/egraph-ts/index.js";
import {
  addText,
  arithmeticRules,
  parseSexp,
  rewrite,
  SAMPLE_TERMS,
  startGraph,
  sumText,
  toPattern,
  toTemplate,
} from "./workloads.js";

/** Never ends: each application makes a new term that it applies to. */
const GROW: Rule = rewrite("grow", "(f ?x)", "(g (f (f ?x)))");

function towerGraph(): EGraph {
  const graph = new EGraph();
  addText(graph, "(g (f a))");
  return graph;
}

describe("saturation", () => {
  test("stops when nothing changes", () => {
    const graph = towerGraph();
    const report = saturate(graph, [rewrite("drop", "(f ?x)", "?x")]);
    expect(report.stop).toBe("saturated");
    expect(report.iterations.map(({ nodes, classes, applied }) => [nodes, classes, applied])).toEqual([
      [3, 2, 1],
      [3, 2, 0],
    ]);
  });

  test("with no rules is saturated at once", () => {
    expect(saturate(towerGraph(), [])).toMatchObject({ stop: "saturated", perRule: [] });
  });

  test("rebuilds a graph it is given dirty", () => {
    const graph = towerGraph();
    graph.union(addText(graph, "(f a)"), addText(graph, "(f b)"));
    expect(saturate(graph, []).stop).toBe("saturated");
    expect(graph.isClean).toBe(true);
  });

  test("counts matches, applications and refusals for each rule", () => {
    const graph = new EGraph();
    for (const text of ["(f a)", "(f b)", "(f c)"]) addText(graph, text);
    const a = addText(graph, "a");
    const rule: Rule = { ...rewrite("some", "(f ?x)", "?x"), condition: (match) => match.classOf("x") !== match.graph.find(a) };
    const report = saturate(graph, [rule]);
    expect(report.perRule[0]).toMatchObject({ name: "some", matches: 4, applications: 2, conditionRefused: 2, bans: 0 });
  });

  test("searches all rules before it applies any", () => {
    const graph = new EGraph();
    addText(graph, "(a x)");
    const rules = [rewrite("one", "(a ?x)", "(b ?x)"), rewrite("two", "(b ?x)", "(c ?x)")];
    const report = saturate(graph, rules);
    expect(report.iterations.map(({ applied }) => applied)).toEqual([1, 1, 0]);
  });
});

describe("limits", () => {
  test("on nodes end the run within the apply phase, on a clean graph", () => {
    const { graph } = startGraph(SAMPLE_TERMS);
    const report = saturate(graph, arithmeticRules("micro"), { limits: { nodes: 5_000 } });
    expect(report.stop).toBe("nodes");
    expect(graph.nodeCount).toBeLessThan(5_010);
    expect(validateEGraph(graph)).toEqual([]);
  });

  test("on nodes end the run before it starts if the graph is too large already", () => {
    expect(saturate(towerGraph(), [GROW], { limits: { nodes: 2 } })).toMatchObject({ stop: "nodes", iterations: [] });
  });

  test("on iterations are exact", () => {
    const report = saturate(towerGraph(), [GROW], { limits: { iterations: 3 } });
    expect(report.stop).toBe("iterations");
    expect(report.iterations).toHaveLength(3);
    expect(saturate(towerGraph(), [GROW], { limits: { iterations: 0 } }).iterations).toEqual([]);
  });

  test("on time end a search that finds nothing", () => {
    const { graph } = startGraph([sumText(9)]);
    saturate(graph, arithmeticRules("AC"), { limits: { iterations: 5 } });
    const nodes = graph.nodeCount;
    let clock = 0;
    const none = rewrite("none", "(+ ?a (+ ?b (+ ?c nowhere)))", "?a");
    const report = saturate(graph, [none, ...arithmeticRules("AC")], {
      limits: { timeMs: 20 },
      now: () => clock++,
    });
    expect(report.stop).toBe("time");
    expect(graph.nodeCount).toBe(nodes);
    expect(report.iterations).toEqual([]);
  });

  test("on time end the apply phase", () => {
    const { graph } = startGraph([sumText(9)]);
    const now = (): number => graph.nodeCount;
    const report = saturate(graph, arithmeticRules("AC"), { limits: { timeMs: 2_000 }, now });
    expect(report.stop).toBe("time");
    expect(graph.nodeCount).toBeLessThan(4_000);
    expect(validateEGraph(graph)).toEqual([]);
  });

  test("an abort ends the run", () => {
    const controller = new AbortController();
    controller.abort();
    expect(saturate(towerGraph(), [GROW], { signal: controller.signal }).stop).toBe("aborted");
  });

  test("on matches of a rule drop the rest, and the run does not claim saturation", () => {
    const graph = new EGraph();
    for (const text of ["(f a)", "(f b)", "(f c)"]) addText(graph, text);
    const report = saturate(graph, [rewrite("wrap", "(f ?x)", "(g ?x)")], { limits: { matchesPerRule: 2 } });
    expect(report.stop).toBe("matches");
    expect(report.perRule[0]).toMatchObject({ applications: 2, truncations: 2, bans: 0 });
  });
});

describe("back-off", () => {
  test("bans a rule with too many matches, twice as long each time, and skips idle waiting", () => {
    const graph = new EGraph();
    for (const text of ["(f a)", "(f b)", "(f c)"]) addText(graph, text);
    const scheduler = backoffScheduler({ matchLimit: 1, banLength: 2 });
    const report = saturate(graph, [rewrite("wrap", "(f ?x)", "(g ?x)")], { scheduler });
    // 3 matches are more than 1 and than 2, but not than 4; a skipped wait costs one iteration
    expect(report.stop).toBe("saturated");
    expect(report.perRule[0]).toMatchObject({ bans: 2, applications: 3 });
    expect(report.iterations.map(({ applied }) => applied)).toEqual([0, 0, 3, 0]);
  });

  test("lets the others run meanwhile", () => {
    const graph = new EGraph();
    for (const text of ["(f a)", "(f b)", "(h c)"]) addText(graph, text);
    const rules = [rewrite("many", "(f ?x)", "(g ?x)"), rewrite("few", "(h ?x)", "(k ?x)")];
    const report = saturate(graph, rules, { scheduler: backoffScheduler({ matchLimit: 1, banLength: 3 }) });
    expect(report.iterations[0]!.applied).toBe(1);
    expect(report.perRule.map(({ bans }) => bans)).toEqual([1, 0]);
    expect(report.stop).toBe("saturated");
  });
});

describe("limits within a phase", () => {
  test("on memory end the apply phase early", () => {
    const { graph } = startGraph(SAMPLE_TERMS);
    const report = saturate(graph, arithmeticRules("micro"), { limits: { nodes: 1e6, memoryBytes: 400_000 } });
    expect(report.stop).toBe("memory");
    expect(graph.nodeCount).toBeLessThan(20_000);
    expect(validateEGraph(graph)).toEqual([]);
  });

  test("an abort between two applications ends the run there", () => {
    const { graph } = startGraph([sumText(9)]);
    const signal = { get aborted(): boolean { return graph.nodeCount > 2_000; } };
    const report = saturate(graph, arithmeticRules("AC"), { signal });
    expect(report.stop).toBe("aborted");
    expect(graph.nodeCount).toBeLessThan(4_000);
    expect(validateEGraph(graph)).toEqual([]);
  });
});

test("rules of fourteen premises, and five hundred rules at once, are searched in no time", () => {
  const { graph } = startGraph(SAMPLE_TERMS);
  const link = (i: number) => ({ root: `v${i}`, pattern: toPattern(parseSexp(`(+ ?v${i + 1} ?w${i})`)) });
  const chain: Rule = {
    name: "chain",
    premises: Array.from({ length: 14 }, (_, i) => link(i)),
    conclusions: [{ root: "v0", template: toTemplate(parseSexp("(found ?v14)")) }],
  };
  let tower = "z";
  for (let i = 0; i < 14; i++) tower = `(+ ${tower} ${i})`;
  addText(graph, tower);
  const many = Array.from({ length: 500 }, (_, i) => rewrite(`many ${i}`, `(op${i} (+ ?a ?b) ?c)`, "?c"));
  const report = saturate(graph, [chain, ...many]);
  expect(report.stop).toBe("saturated");
  expect(report.perRule[0]).toMatchObject({ applications: 1 });
});
