import { describe, expect, test } from "vitest";
import {
  type Conclusion,
  EGraph,
  EGraphError,
  type Pattern,
  type Premise,
  type Rule,
  saturate,
} from "../../../src/egraph-ts/index.js";
import { addText, parseSexp, rewrite, toPattern, toTemplate } from "./workloads.js";

const pattern = (text: string): Pattern => toPattern(parseSexp(text));
const premise = (root: string, text: string): Premise => ({ root, pattern: pattern(text) });
const conclude = (root: string, text: string): Conclusion<undefined> => ({
  root,
  template: toTemplate(parseSexp(text)),
});

/** How often the premises match. The rule itself changes nothing. */
function matchCount(graph: EGraph, premises: readonly Premise[]): number {
  const first = premises[0]!.root;
  const idle: Rule = { name: "count", premises, conclusions: [conclude(first, `?${first}`)] };
  return saturate(graph, [idle]).perRule[0]!.matches;
}

describe("patterns", () => {
  const graph = new EGraph();
  for (const text of ["(+ a a)", "(+ a b)", "(+ (* a b) 0)", "(* (+ a b) (+ a b))", "(+ a b c)"]) addText(graph, text);

  test.each([
    ["?x", 11 - 1],
    ["(+ ?x ?y)", 3],
    ["(+ ?x ?x)", 1],
    ["(* ?x ?x)", 1],
    ["(+ ?x ?y ?z)", 1],
    ["(+ ?x 0)", 1],
    ["(+ 0 ?x)", 0],
    ["(+ ?x nowhere)", 0],
    ["(+ a b)", 1],
    ["(* (+ ?x ?y) (+ ?x ?z))", 1],
    ["(* (+ ?x ?y) (+ ?y ?z))", 0],
    ["(+ (* a b) ?x)", 1],
    ["(unknown ?x)", 0],
  ])("%s matches %i times", (text, count) => {
    expect(matchCount(graph, [premise("r", text)])).toBe(count);
  });

  test("a root variable may occur below", () => {
    const looped = new EGraph();
    looped.union(addText(looped, "(+ a 0)"), addText(looped, "a"));
    addText(looped, "(+ b 0)");
    looped.rebuild();
    expect(matchCount(looped, [premise("r", "(+ ?r 0)")])).toBe(1);
  });
});

test("an e-node that its twin has replaced matches no more, wherever the search would meet it", () => {
  const graph = new EGraph();
  for (let i = 0; i < 30; i++) addText(graph, `(mm z${i} w)`);
  // y has more readers, so x loses its id and the older product, which stays, is the one that is repaired
  for (const text of ["(top (mm x w))", "(mm y w)", "(tag x)", "(h y)", "(k y)"]) addText(graph, text);
  graph.union(addText(graph, "x"), addText(graph, "y"));
  graph.rebuild();
  expect(matchCount(graph, [premise("r", "(mm ?x ?w)")])).toBe(31);
  expect(matchCount(graph, [premise("r", "(top (mm ?x ?w))")])).toBe(1);
  expect(matchCount(graph, [premise("r", "(tag ?x)"), premise("s", "(mm ?x ?w)")])).toBe(1);
});

describe("several premises", () => {
  const graph = new EGraph();
  for (const text of ["(mm x wq)", "(mm x wk)", "(mm y wq)", "(mm y (mm x wk))", "(relu (mm x wq))"]) addText(graph, text);

  test("join on a shared operand", () => {
    // x is read by two products and y by two: each pair in each order, and each product with itself
    expect(matchCount(graph, [premise("q", "(mm ?x ?a)"), premise("k", "(mm ?x ?b)")])).toBe(8);
  });

  test("join on the second operand", () => {
    expect(matchCount(graph, [premise("q", "(mm ?x ?w)"), premise("k", "(mm ?y ?w)")])).toBe(6);
  });

  test("join on a root that another premise names", () => {
    expect(matchCount(graph, [premise("q", "(mm ?y ?k)"), premise("k", "(mm ?x ?w)")])).toBe(1);
    expect(matchCount(graph, [premise("k", "(mm ?x ?w)"), premise("q", "(mm ?y ?k)")])).toBe(1);
    expect(matchCount(graph, [premise("k", "(relu ?p)"), premise("p", "(mm ?x ?w)")])).toBe(1);
  });

  test("that share nothing are paired with each other", () => {
    expect(matchCount(graph, [premise("q", "(mm ?x ?a)"), premise("k", "(mm ?y ?b)")])).toBe(16);
    expect(matchCount(graph, [premise("q", "(relu ?x)"), premise("k", "(mm ?y ?b)")])).toBe(4);
  });

  test("join on a variable deep inside", () => {
    expect(matchCount(graph, [premise("q", "(mm ?x ?a)"), premise("k", "(relu (mm ?x ?b))")])).toBe(2);
  });

  test("a bare variable names a class, a term without variables is looked up", () => {
    expect(matchCount(graph, [premise("q", "(relu ?x)"), premise("x", "?p")])).toBe(1);
    expect(matchCount(graph, [premise("q", "(mm ?x ?a)"), premise("x", "y")])).toBe(2);
    expect(matchCount(graph, [premise("q", "wk"), premise("k", "(mm ?x ?q)")])).toBe(1);
  });

  test("three projections of one operand become one product", () => {
    const merging = new EGraph();
    const roots = ["wq", "wk", "wv"].map((w) => addText(merging, `(mm x ${w})`));
    const rule: Rule = {
      name: "merge",
      premises: [premise("q", "(mm ?x wq)"), premise("k", "(mm ?x wk)"), premise("v", "(mm ?x wv)")],
      conclusions: [
        conclude("q", "(slice (mm ?x (concat wq wk wv)) 0)"),
        conclude("k", "(slice (mm ?x (concat wq wk wv)) 1)"),
        conclude("v", "(slice (mm ?x (concat wq wk wv)) 2)"),
      ],
    };
    const report = saturate(merging, [rule]);
    expect(report.stop).toBe("saturated");
    expect(report.perRule[0]).toMatchObject({ matches: 1, applications: 1 });
    expect(roots.map((root) => merging.nodesOf(root).length)).toEqual([2, 2, 2]);
    expect(merging.nodeCount).toBe(7 + 3 + 5);
  });
});

describe("payloads", () => {
  const leaf = (graph: EGraph, value: number) => graph.add(graph.label("number", value, String(value)), []);
  const number = (bind: string, test?: (payload: unknown) => boolean): Pattern => ({
    kind: "node",
    op: "number",
    payload: { kind: "any", bind, ...(test === undefined ? {} : { test }) },
    children: [],
  });

  test("a condition and a template may read them", () => {
    const graph = new EGraph();
    const sum = graph.add(graph.label("+"), [leaf(graph, 3), leaf(graph, 4)]);
    const sumOfNumbers: Pattern = {
      kind: "node",
      op: "+",
      payload: { kind: "exact", key: "" },
      children: [number("a"), number("b")],
    };
    const fold: Rule = {
      name: "fold",
      premises: [{ root: "r", pattern: sumOfNumbers }],
      condition: (match) => match.payloadOf("a") !== match.payloadOf("b"),
      conclusions: [
        {
          root: "r",
          template: {
            kind: "node",
            op: "number",
            payload: (match) => {
              const value = Number(match.payloadOf("a")) + Number(match.payloadOf("b"));
              return { payload: value, key: String(value) };
            },
            children: [],
          },
        },
      ],
    };
    saturate(graph, [fold]);
    expect(graph.find(leaf(graph, 7))).toBe(graph.find(sum));
  });

  test("a test is asked once for each label", () => {
    const graph = new EGraph();
    for (let i = 0; i < 20; i++) leaf(graph, i % 10);
    let asked = 0;
    const isSmall = (payload: unknown): boolean => {
      asked++;
      return Number(payload) < 4;
    };
    expect(matchCount(graph, [{ root: "r", pattern: number("n", isSmall) }])).toBe(4);
    expect(asked).toBe(10);
  });

  test("the same payload name twice means equal keys, across ops", () => {
    const graph = new EGraph();
    const x = addText(graph, "x");
    const cast = (op: string, to: string, child: typeof x) => graph.add(graph.label(op, to, to), [child]);
    cast("outer", "f16", cast("inner", "f16", x));
    cast("outer", "f16", cast("inner", "f32", x));
    const inner: Pattern = { kind: "node", op: "inner", payload: { kind: "any", bind: "t" }, children: [pattern("?x")] };
    const outer: Pattern = { kind: "node", op: "outer", payload: { kind: "any", bind: "t" }, children: [inner] };
    const free: Pattern = { ...outer, payload: { kind: "any" } };
    expect(matchCount(graph, [{ root: "r", pattern: outer }])).toBe(1);
    expect(matchCount(graph, [{ root: "r", pattern: free }])).toBe(2);
  });
});

describe("rules that cannot be compiled", () => {
  function errorOf(rule: Rule): EGraphError {
    try {
      saturate(new EGraph(), [rule]);
    } catch (error) {
      if (error instanceof EGraphError) return error;
    }
    throw new Error("the rule compiled");
  }

  test("name the rule and the variable", () => {
    const unbound = errorOf(rewrite("lost", "(f ?x)", "(g ?y)"));
    expect(unbound.code).toBe("unbound-variable");
    expect(unbound.message).toContain('"lost"');
    expect(unbound.message).toContain('"y"');
  });

  test("include one whose conclusion has an unknown root", () => {
    const rule: Rule = { name: "r", premises: [premise("a", "(f ?x)")], conclusions: [conclude("b", "?x")] };
    expect(errorOf(rule).message).toBe('rule "r": no premise binds "b", the root of a conclusion');
  });

  test("include one without premises or conclusions", () => {
    expect(errorOf({ name: "r", premises: [], conclusions: [conclude("b", "x")] }).code).toBe("empty-rule");
    expect(errorOf({ name: "r", premises: [premise("a", "?x")], conclusions: [] }).code).toBe("empty-rule");
  });

  test("a condition that asks for an unknown name fails by name", () => {
    const graph = new EGraph();
    addText(graph, "a");
    const rule: Rule = { ...rewrite("r", "?x", "?x"), condition: (match) => match.classOf("z") === match.classOf("x") };
    expect(() => saturate(graph, [rule])).toThrow('rule "r" binds no class variable "z"');
  });
});
