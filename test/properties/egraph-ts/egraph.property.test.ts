// On random graphs: the engine means what the naive definitions mean, and keeps its invariants.

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Analysis,
  backoffScheduler,
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
