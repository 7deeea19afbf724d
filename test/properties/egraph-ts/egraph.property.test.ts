// On random graphs: the engine means what the naive definitions mean, and keeps its invariants.

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Analysis,
  backoffScheduler,
  checkProof,
  EGraph,
  type Rule,
  saturate,
  simpleScheduler,
  validateEGraph,
} from "../../../src/egraph-ts/index.js";
import { addTerms, pairs, premises, rules, terms } from "./arbitraries.js";
import { congruenceClosure, describeSubstitution, type ListedTerm, naiveMatches } from "./naive.js";

const SEED = 20_260_101;
const manyBooleans = fc.array(fc.boolean(), { minLength: 8, maxLength: 8 });
const settings = (numRuns: number) => ({ seed: SEED, numRuns });

/** The smallest size of a term in the class. */
const termSize: Analysis<number> = {
  make: (graph, node) => graph.nodeChildren(node).reduce((sum, child) => sum + graph.data(child), 1),
  merge: (a, b) => ({ data: Math.min(a, b), changedA: b < a, changedB: a < b }),
};

test("equalities are those of naive congruence closure, whenever the rebuilds come", () => {
  fc.assert(
    fc.property(terms, pairs, manyBooleans, (list, picks, rebuilds) => {
      const graph = new EGraph();
      const ids = addTerms(graph, list);
      const equalities = picks.map(([a, b]) => [a % list.length, b % list.length] as const);
      equalities.forEach(([a, b], i) => {
        graph.union(ids[a]!, ids[b]!);
        if (rebuilds[i] === true) graph.rebuild();
      });
      graph.rebuild();
      const expected = congruenceClosure(list, equalities);
      for (let i = 0; i < list.length; i++) {
        for (let j = 0; j < i; j++) {
          expect(graph.find(ids[i]!) === graph.find(ids[j]!)).toBe(expected[i] === expected[j]);
        }
      }
      expect(graph.classCount).toBe(new Set(expected).size);
      expect(validateEGraph(graph)).toEqual([]);
    }),
    settings(300),
  );
});

test("terms added between unions and rebuild land in the right class", () => {
  fc.assert(
    fc.property(terms, pairs, (list, picks) => {
      const [early, late] = [new EGraph(), new EGraph()];
      const ids = addTerms(early, list);
      const half = Math.ceil(list.length / 2);
      const equalities = picks.map(([a, b]) => [a % half, b % half] as const);
      for (const [a, b] of equalities) early.union(ids[a]!, ids[b]!);
      early.rebuild();
      const first = addTerms(late, list.slice(0, half));
      for (const [a, b] of equalities) late.union(first[a]!, first[b]!);
      addTerms(late, list);
      late.rebuild();
      expect([late.nodeCount, late.classCount]).toEqual([early.nodeCount, early.classCount]);
      expect(validateEGraph(late)).toEqual([]);
    }),
    settings(200),
  );
});

test("matches are those of trying everything, for one premise and for two", () => {
  fc.assert(
    fc.property(terms, pairs, premises, (list, picks, wanted) => {
      const graph = new EGraph();
      const ids = addTerms(graph, list.slice(0, 14));
      for (const [a, b] of picks.slice(0, 4)) graph.union(ids[a % ids.length]!, ids[b % ids.length]!);
      graph.rebuild();
      const expected = naiveMatches(graph, wanted);
      const names = [...new Set(expected.flatMap((text) => text.split(" ").map((part) => part.split("=")[0]!)))];
      const found: string[] = [];
      const { root } = wanted[0]!;
      saturate(graph, [
        {
          name: "observe",
          premises: wanted,
          condition: (match) => {
            const bound = names.map((name) => [name, match.classOf(name)] as const);
            found.push(describeSubstitution(Object.fromEntries(bound)));
            return false;
          },
          conclusions: [{ root, template: { kind: "variable", name: root } }],
        },
      ]);
      expect(found.sort()).toEqual(expected);
    }),
    settings(400),
  );
});

test.each([simpleScheduler, backoffScheduler({ matchLimit: 8, banLength: 2 })])(
  "saturation under the $name scheduler keeps every invariant, also with an analysis",
  (scheduler) => {
    fc.assert(
      fc.property(terms, rules, fc.boolean(), (list, some, explanations) => {
        const graph = new EGraph({ analysis: termSize, explanations });
        addTerms(graph, list);
        const report = saturate(graph, some, { scheduler, limits: { nodes: 400, iterations: 6 } });
        expect(validateEGraph(graph)).toEqual([]);
        const last = report.iterations.at(-1);
        const counts = { nodes: graph.nodeCount, classes: graph.classCount };
        if (last !== undefined) expect(last).toMatchObject(counts);
      }),
      settings(150),
    );
  },
);

test("the same rules on the same terms give the same ids", () => {
  const run = (list: readonly ListedTerm[], some: readonly Rule<number>[]): string => {
    const graph = new EGraph({ analysis: termSize });
    addTerms(graph, list);
    saturate(graph, some, { limits: { nodes: 300, iterations: 5 } });
    const members = [...graph.classes()].map((cls) => [cls, graph.nodesOf(cls)]);
    return JSON.stringify([members, [...graph.equalities()]]);
  };
  fc.assert(
    fc.property(terms, rules, (list, some) => {
      expect(run(list, some)).toBe(run(list, some));
    }),
    settings(50),
  );
});

/** Rules of which every second one asks for small terms only, and so may refuse now what it takes later. */
function withConditions(some: readonly Rule<number>[]): readonly Rule<number>[] {
  return some.map((rule, i) =>
    i % 2 === 0 ? rule : { ...rule, condition: (match) => match.graph.data(match.classOf("root")) <= 3 },
  );
}

test.each([simpleScheduler, backoffScheduler({ matchLimit: 6, banLength: 2 })])(
  "incremental matching does what full matching does, iteration by iteration, under the $name scheduler",
  (scheduler) => {
    const run = (list: readonly ListedTerm[], some: readonly Rule<number>[], matching: "incremental" | "full") => {
      const graph = new EGraph({ analysis: termSize, explanations: false });
      addTerms(graph, list);
      const limits = { nodes: 1_000, iterations: 6 };
      const { stop, iterations, perRule } = saturate(graph, some, { scheduler, matching, limits });
      expect(validateEGraph(graph)).toEqual([]);
      // where the limit on nodes cuts an iteration short depends on the order of matches
      if (stop === "nodes") return undefined;
      const counts = iterations.map(({ nodes, classes }) => [nodes, classes]);
      // a search that is cut short asks the condition about as many matches as it happens to meet
      const rules = perRule.map(({ bans, conditionRefused }) => [bans, bans > 0 ? 0 : conditionRefused]);
      return { stop, counts, rules, matches: perRule.reduce((sum, { matches }) => sum + matches, 0) };
    };
    let compared = 0;
    fc.assert(
      fc.property(terms, rules, (list, some) => {
        const guarded = withConditions(some);
        const incremental = run(list, guarded, "incremental");
        const full = run(list, guarded, "full");
        expect({ ...incremental, matches: 0 }).toEqual({ ...full, matches: 0 });
        if (incremental === undefined || full === undefined) return;
        expect(incremental.matches).toBeLessThanOrEqual(full.matches);
        compared++;
      }),
      settings(300),
    );
    expect(compared).toBeGreaterThan(200);
  },
);

test("every equality has a proof, and every proof replays", () => {
  let proved = 0;
  fc.assert(
    fc.property(terms, pairs, rules, (list, picks, some) => {
      const graph = new EGraph<number>({ analysis: termSize });
      const ids = addTerms(graph, list);
      const named = some.map((rule, i) => ({ ...rule, name: `rule ${i}` }));
      for (const [a, b] of picks.slice(0, 2)) graph.union(ids[a % list.length]!, ids[b % list.length]!);
      saturate(graph, named, { limits: { nodes: 200, iterations: 4 } });
      for (const { left, right } of [...graph.equalities()].slice(-12)) {
        const proof = graph.explain(left, right);
        expect(checkProof(proof, named).faults).toEqual([]);
        proved++;
      }
      for (const cls of [...graph.classes()].slice(0, 6)) {
        const members = graph.nodesOf(cls);
        for (const other of members.slice(1, 5)) {
          expect(checkProof(graph.explain(members[0]!, other), named).faults).toEqual([]);
          proved++;
        }
      }
    }),
    settings(150),
  );
  expect(proved).toBeGreaterThan(300);
});
