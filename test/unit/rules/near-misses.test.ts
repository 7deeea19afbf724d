// Where a rule nearly applies: one op, one attribute, one agreement or one guard away.

import { describe, expect, test } from "vitest";

import type { EClassId } from "../../../src/egraph-ts/index.js";
import { EGraph } from "../../../src/egraph-ts/index.js";
import type { Attrs, ValueType } from "../../../src/ir/index.js";
import { coreRegistry, tensor } from "../../../src/ir/index.js";
import type { Facts } from "../../../src/rules/index.js";
import { findNearMisses, llmAnalysis, payloadKey } from "../../../src/rules/index.js";
import { onlyRule } from "./support.js";

type Add = (op: string, operands?: readonly EClassId[], attrs?: Attrs, type?: ValueType) => EClassId;

/** What is said of a rule in a graph: the differences, the closest first, and how often it fits. */
function differences(rule: string, build: (add: Add) => void): { matches: number; found: readonly string[] } {
  const graph = new EGraph<Facts>({ analysis: llmAnalysis(coreRegistry) });
  build((op, operands = [], attrs = {}, type) => {
    const payload = type === undefined ? { attrs } : { attrs, type };
    return graph.add(graph.label(op, payload, payloadKey(payload)), operands);
  });
  graph.rebuild();
  const compiled = onlyRule(rule);
  const { matches, misses } = findNearMisses(graph, compiled, {});
  const { text } = compiled.place.source;
  return { matches, found: misses.map(({ difference: { span, found } }) => `${text.slice(span.start, span.end)}: ${found}`) };
}

const matrix = tensor("f32", 4, 6);
const x = (add: Add, name = "x", type: ValueType = matrix): EClassId => add("param", [], { name }, type);

describe("one premise is missing", () => {
  test("another op stands where one is asked for", () => {
    const { matches, found } = differences("exact rule a { neg(neg(?x)) => ?x }", (add) => add("neg", [add("abs", [x(add)])]));
    expect([matches, found]).toEqual([0, ["neg(?x): here is `abs`"]]);
  });

  test("an attribute has another value", () => {
    const rule = "reassociates rule a { reduce_sum(neg(?x), axis: 1, keep: true) => neg(reduce_sum(?x, axis: 1, keep: true)) }";
    const { found } = differences(rule, (add) => add("reduce_sum", [add("neg", [x(add)])], { axis: 0, keep: true }));
    expect(found).toEqual(["reduce_sum(neg(?x), axis: 1, keep: true): its `axis` is 0"]);
  });

  test("one name would stand for two values, or for two attributes", () => {
    const square = differences("exact rule a { mul(?x, ?x) => mul(neg(?x), neg(?x)) }", (add) =>
      add("mul", [x(add, "x"), x(add, "y")]),
    );
    expect(square.found).toEqual(["?x: `?x` would stand for two values"]);
    const twice = differences(
      "exact rule a { reduce_max(reduce_max(?x, axis: ?a, keep: true), axis: ?a, keep: true) => reduce_max(?x, axis: ?a, keep: true) }",
      (add) => add("reduce_max", [add("reduce_max", [x(add)], { axis: 0, keep: true })], { axis: 1, keep: true }),
    );
    expect(twice.found.some((each) => each.endsWith("`?a` would stand for 1 and for 0"))).toBe(true);
  });

  test("a guard fails, with the values that it saw", () => {
    const build = (add: Add): void => void add("neg", [add("neg", [x(add)])]);
    const closest = (guard: string, graph: typeof build): unknown =>
      differences(`exact rule a { neg(neg(?x)) => ?x where ${guard} }`, graph).found[0];
    expect(closest("rank(?x) == 3", build)).toBe("rank(?x) == 3: rank(?x) is 2");
    expect(closest("constant(?x)", build)).toBe(
      "constant(?x): constant(?x) is false, ?x is tensor<4x6xf32>, not constant",
    );
    const symbolic = (add: Add): void => void add("neg", [add("neg", [x(add, "x", tensor("f32", "T", 6))])]);
    expect(closest("dim(?x, 0) % 2 == 0", symbolic)).toBe(
      "dim(?x, 0) % 2 == 0: dim(?x, 0) is `T`, known only at run time",
    );
  });

  test("the right side would have another type", () => {
    const rule = "exact rule a { maximum(?x, ?y) => ?x }";
    const { found } = differences(rule, (add) => add("maximum", [x(add, "row", tensor("f32", 1, 6)), x(add)]));
    expect(found).toEqual(["?x: the right side is tensor<1x6xf32>, what it replaces is tensor<4x6xf32>"]);
  });
});

test("two differences are no near miss, and a match is counted", () => {
  const rule = "exact rule a { neg(neg(?x)) => ?x where rank(?x) == 3 }";
  expect(differences(rule, (add) => add("neg", [add("abs", [add("abs", [x(add)])])]))).toEqual({ matches: 0, found: ["neg(?x): here is `abs`"] });
  expect(differences("exact rule a { neg(neg(?x)) => ?x }", (add) => add("neg", [add("neg", [x(add)])])).matches).toBe(1);
  expect(differences(rule, (add) => add("abs", [x(add)])).found).toEqual([]);
});
