import { describe, expect, test } from "vitest";
import {
  checkProof,
  EGraph,
  EGraphError,
  printTerm,
  type Proof,
  type ProofStep,
  type Rule,
  saturate,
} from "../../../src/egraph-ts/index.js";
import {
  addText,
  arithmeticRules,
  parseSexp,
  rewrite,
  SAMPLE_TERMS,
  startGraph,
  toPattern,
  toTemplate,
} from "./workloads.js";

function ends(proof: Proof): readonly string[] {
  return [printTerm(proof, proof.left), printTerm(proof, proof.right)].map((text) => text.replaceAll("leaf:", ""));
}

function proofOf(start: string, goal: string, rules: readonly Rule[]): Proof {
  const graph = new EGraph();
  const [a, b] = [addText(graph, start), addText(graph, goal)];
  saturate(graph, rules, { limits: { iterations: 6, nodes: 4_000 } });
  const proof = graph.explain(a, b);
  expect(ends(proof)).toEqual([start, goal]);
  return proof;
}

const kinds = (proof: Proof): readonly string[] => proof.steps.map(({ kind }) => kind);

describe("an explanation", () => {
  test("of a class with itself is empty", () => {
    const graph = new EGraph();
    const a = addText(graph, "(f a)");
    expect(graph.explain(a, a)).toMatchObject({ steps: [], chain: [] });
  });

  test("names the rule, its direction and what its variables stood for", () => {
    const rules = [rewrite("shift", "(* ?x 2)", "(shl ?x 1)")];
    const proof = proofOf("(shl (+ a b) 1)", "(* (+ a b) 2)", rules);
    expect(proof.chain).toEqual([{ step: 0, direction: "backward" }]);
    const [step] = proof.steps;
    expect(step).toMatchObject({ kind: "rule", rule: "shift", conclusion: 0 });
    const x = step?.kind === "rule" ? step.substitution["x"]! : -1;
    expect(printTerm(proof, x)).toBe("(+ leaf:a leaf:b)");
    expect(checkProof(proof, rules)).toEqual({ faults: [], assumptions: [] });
  });

  test("goes below by congruence, and rests on given unions as assumptions", () => {
    const graph = new EGraph();
    const [left, right] = [addText(graph, "(f (g a))"), addText(graph, "(f (g b))")];
    graph.union(addText(graph, "a"), addText(graph, "b"));
    graph.rebuild();
    const proof = graph.explain(left, right);
    expect(kinds(proof)).toEqual(["given", "congruence", "congruence"]);
    const verdict = checkProof(proof, []);
    expect(verdict.faults).toEqual([]);
    expect(verdict.assumptions).toHaveLength(1);
  });

  test("of arithmetic replays", () => {
    const rules = arithmeticRules("micro");
    const proof = proofOf("(d x (+ 1 (* 2 x)))", "(+ (d x 1) (d x (* 2 x)))", rules);
    expect(checkProof(proof, rules).faults).toEqual([]);
    const cancel = proofOf("(+ (* y (+ x y)) (- (+ x 2) (+ x 2)))", "(* y (+ y x))", rules);
    expect(checkProof(cancel, rules).faults).toEqual([]);
    expect(cancel.steps.some((step) => step.kind === "rule" && step.rule === "cancel-sub")).toBe(true);
  });

  test("of a rule with several premises and conclusions replays", () => {
    const pattern = (root: string, text: string) => ({ root, pattern: toPattern(parseSexp(text)) });
    const template = (text: string) => toTemplate<undefined>(parseSexp(text));
    const conclude = (root: string, text: string) => ({ root, template: template(text) });
    const merge: Rule = {
      name: "merge",
      premises: [pattern("q", "(mm ?x wq)"), pattern("k", "(mm ?x wk)")],
      conclusions: [
        conclude("q", "(slice (mm ?x (cat wq wk)) 0)"),
        conclude("k", "(slice (mm ?x (cat wq wk)) 1)"),
      ],
    };
    const graph = new EGraph();
    const texts = ["(mm (f a) wq)", "(mm (f b) wk)", "(slice (mm (f a) (cat wq wk)) 1)"];
    const ids = texts.map((text) => addText(graph, text));
    graph.union(addText(graph, "a"), addText(graph, "b"));
    saturate(graph, [merge]);
    const proof = graph.explain(ids[1]!, ids[2]!);
    expect(proof.steps.some((step) => step.kind === "rule" && step.conclusion === 1)).toBe(true);
    expect(checkProof(proof, [merge]).faults).toEqual([]);
  });

  test("of long chains of wide nodes needs no deep recursion", () => {
    const graph = new EGraph();
    let [left, right] = [addText(graph, "a"), addText(graph, "b")];
    const wide = graph.label("wide");
    const c = addText(graph, "c");
    for (let i = 0; i < 5_000; i++) {
      left = graph.add(wide, [left, c, c, c, c]);
      right = graph.add(wide, [right, c, c, c, c]);
    }
    graph.union(addText(graph, "a"), addText(graph, "b"));
    graph.rebuild();
    const proof = graph.explain(left, right);
    expect(proof.steps).toHaveLength(5_001);
    expect(checkProof(proof, []).faults).toEqual([]);
  });

  test("marks what the analysis united", () => {
    const graph = new EGraph<number>({
      analysis: {
        make: () => 0,
        merge: (a, b) => ({ data: Math.min(a, b), changedA: b < a, changedB: a < b }),
        modify: (inner, cls) => {
          const [node] = inner.nodesOf(cls);
          const isZero = node !== undefined && inner.labelOp(inner.nodeLabel(node)) === "zero";
          if (isZero) inner.union(cls, inner.add(inner.label("leaf", "0", "0")));
        },
      },
    });
    const zero = graph.add(graph.label("zero"));
    graph.rebuild();
    const leaves = graph.nodesOf(zero).filter((each) => graph.labelOp(graph.nodeLabel(each)) === "leaf");
    expect(kinds(graph.explain(zero, leaves[0]!))).toEqual(["analysis"]);
  });

  test("is refused for what is not equal, and where none are kept", () => {
    const { graph } = startGraph(SAMPLE_TERMS, true);
    const [a, b] = [addText(graph, "x"), addText(graph, "y")];
    expect(() => graph.explain(a, b)).toThrow(EGraphError);
    const without = new EGraph({ explanations: false });
    const c = addText(without, "x");
    expect(() => without.explain(c, c)).toThrow("without explanations");
  });
});

describe("the checker refuses", () => {
  const rules = arithmeticRules("micro");
  const proof = proofOf("(+ (* a 1) 0)", "a", rules);
  const changed = (change: (step: ProofStep) => ProofStep): Proof => {
    return { ...proof, steps: proof.steps.map(change) };
  };
  const looped = proof.terms.map((term) => ({ ...term, children: [0] }));
  const ruleStep = (change: object) => (step: ProofStep) => (step.kind === "rule" ? { ...step, ...change } : step);

  test.each([
    ["a rule that is not there", changed(ruleStep({ rule: "none" })), "no such rule"],
    ["another rule's name", changed(ruleStep({ rule: "zero-mul" })), "is not its pattern"],
    ["another right side", changed(ruleStep({ right: 0 })), "is not the template"],
    ["another left side", changed(ruleStep({ left: 0 })), "is not the conclusion's root"],
    ["a missing premise", changed(ruleStep({ premises: [] })), "has no proof"],
    ["a chain that leads elsewhere", { ...proof, right: proof.left }, "ends at"],
    ["steps out of order", { ...proof, steps: [...proof.steps].reverse() }, "step"],
    ["a missing step", { ...proof, steps: [] }, "before it is proved"],
    ["a cyclic term", { ...proof, terms: looped }, "reads a later one"],
  ])("%s", (_, wrong, why) => {
    expect(checkProof(proof, rules).faults).toEqual([]);
    expect(checkProof(wrong, rules).faults.join("\n")).toContain(why);
  });
});
