// Compiled rules at work in the e-graph: what they match, what they build, and what they refuse.

import { describe, expect, test } from "vitest";

import type { EClassId } from "../../../src/egraph-ts/index.js";
import { EGraph, EGraphError, saturate } from "../../../src/egraph-ts/index.js";
import type { Attrs, ValueType } from "../../../src/ir/index.js";
import { coreRegistry, printType, tensor } from "../../../src/ir/index.js";
import type { CompiledRule, Facts, NodePayload } from "../../../src/rules/index.js";
import { llmAnalysis, loadRuleFile, payloadKey } from "../../../src/rules/index.js";
import { compileSample, onlyRule, sample, valueOf } from "./support.js";

class Terms {
  readonly graph = new EGraph<Facts>({ analysis: llmAnalysis(coreRegistry) });

  op(op: string, operands: readonly EClassId[], attrs: Attrs = {}, type?: ValueType): EClassId {
    const payload: NodePayload = { attrs, ...(type && { type }) };
    return this.graph.add(this.graph.label(op, payload, payloadKey(payload)), operands);
  }

  param(name: string, type: ValueType): EClassId {
    return this.op("param", [], { name }, type);
  }

  weight(name: string, type: ValueType): EClassId {
    return this.op("weight", [], { name }, type);
  }

  run(rules: readonly CompiledRule[], iterations = 4): void {
    saturate(this.graph, rules.flatMap((each) => each.engineRules), { limits: { iterations } });
  }

  equal(a: EClassId, b: EClassId): boolean {
    return this.graph.find(a) === this.graph.find(b);
  }

  /** Ops of the class's nodes, sorted, each with its attributes. */
  forms(cls: EClassId): readonly string[] {
    const labels = this.graph.nodesOf(cls).map((node) => this.graph.nodeLabel(node));
    return labels.map((label) => `${this.graph.labelOp(label)} ${this.graph.labelKey(label)}`.trim()).sort();
  }

  /** Why a rule did not fire, for each match of its patterns. */
  refusals(rule: CompiledRule): readonly (string | undefined)[] {
    const reasons: (string | undefined)[] = [];
    const engineRule = rule.engineRules[0]!;
    const condition = (match: Parameters<typeof engineRule.refusal>[0]): boolean => {
      reasons.push(engineRule.refusal(match));
      return false;
    };
    saturate(this.graph, [{ ...engineRule, condition }], { limits: { iterations: 1 } });
    return reasons;
  }
}

const matrix = tensor("f32", 4, 6);

test("a rule joins what it matched with what it built", () => {
  const terms = new Terms();
  const x = terms.param("x", matrix);
  const y = terms.op("neg", [terms.op("neg", [x])]);
  terms.run(compileSample("exact rule a { neg(neg(?x)) => ?x }"));
  expect(terms.equal(x, y)).toBe(true);
});

test("literals pin attributes, and the type of a leaf does not matter", () => {
  const terms = new Terms();
  const x = terms.param("x", matrix);
  const one = terms.op("mul", [x, terms.op("constant", [], { value: 1 }, tensor("f32"))]);
  const other = terms.op("mul", [x, terms.op("constant", [], { value: 1.0001 }, tensor("f32"))]);
  terms.run(compileSample("exact rule a { mul(?x, constant(value: 1.0)) => ?x }"));
  expect(terms.equal(one, x)).toBe(true);
  expect(terms.equal(other, x)).toBe(false);
});

test("a minus zero is not a zero", () => {
  const terms = new Terms();
  const x = terms.param("x", matrix);
  const y = terms.op("add", [x, terms.op("constant", [], { value: -0 }, tensor("f32"))]);
  terms.run(compileSample("reassociates rule a { add(?x, constant(value: 0.0)) => ?x }"));
  expect(terms.equal(x, y)).toBe(false);
});

test("an attribute variable means the same value wherever it stands", () => {
  const rules = compileSample("reassociates rule a { softmax(softmax(?x, axis: ?a), axis: ?a) => softmax(?x, axis: ?a) }");
  const terms = new Terms();
  const x = terms.param("x", matrix);
  const rows = terms.op("softmax", [x], { axis: 1 });
  const twice = terms.op("softmax", [rows], { axis: 1 });
  const mixed = terms.op("softmax", [rows], { axis: 0 });
  expect(terms.refusals(rules[0]!).filter((each) => each !== undefined)).toEqual(["`?a` stands for different attributes"]);
  terms.run(rules);
  expect(terms.equal(twice, rows)).toBe(true);
  expect(terms.equal(mixed, rows)).toBe(false);
});

test("list elements are bound and computed with", () => {
  const terms = new Terms();
  const x = terms.param("x", matrix);
  const y = terms.op("neg", [terms.op("reshape", [x], { shape: [4, 2, 3] })]);
  terms.run(
    compileSample("exact rule a { neg(reshape(?x, shape: [?t, ?h, 3])) => reshape(neg(?x), shape: [?t, ?h, 9 / (?h + 1)]) }"),
  );
  expect(terms.forms(y)).toEqual(["neg", "reshape shape=[4,2,3]"]);
});

test("symbolic dimensions are carried through lists and compared by name", () => {
  const terms = new Terms();
  const x = terms.param("x", tensor("f32", "T", 6));
  const y = terms.op("neg", [x]);
  terms.run(
    compileSample(`exact rule a {
      neg(?x) => reshape(neg(reshape(?x, shape: [dim(?x, 0), 2, 3])), shape: shape(?x))
      where dim(?x, 0) == "T", dim(?x, 1) == 6
    }`),
    1,
  );
  expect(terms.forms(y)).toEqual(["neg", 'reshape shape=["T",6]']);
});

describe("a rule is refused", () => {
  const refusals = (rule: string, build: (terms: Terms) => void): readonly (string | undefined)[] => {
    const terms = new Terms();
    build(terms);
    return terms.refusals(onlyRule(rule));
  };
  const negated = (type: ValueType) => (terms: Terms) => {
    terms.op("neg", [terms.param("x", type)]);
  };

  test("when a guard does not hold", () => {
    const rule = "exact rule a { neg(?x) => neg(neg(neg(?x))) where rank(?x) == 2, constant(?x) }";
    expect(refusals(rule, negated(matrix))).toEqual(["guard 2 does not hold"]);
  });

  test("when a guard asks about an unknown dimension, whichever way it asks", () => {
    const symbolic = negated(tensor("f32", "T", 6));
    for (const guard of ["dim(?x, 0) % 2 == 0", "not dim(?x, 0) == 4", "dim(?x, 0) != 4", "dim(?x, 0) > 0"]) {
      const rule = `exact rule a { neg(?x) => neg(neg(neg(?x))) where ${guard} }`;
      expect(refusals(rule, symbolic)).toEqual(["guard 1 does not hold"]);
    }
  });

  test("when an attribute has no value", () => {
    const rule = (start: string): string => `exact rule a {
      neg(?x) => slice(concat(?x, ?x, axis: 1), axis: 1, start: ${start}, size: dim(?x, 1))
    }`;
    const reason = ["the attribute `start` of `slice` has no value here"];
    expect(refusals(rule("dim(?x, 0) * 2"), negated(tensor("f32", "T", 6)))).toEqual(reason);
    expect(refusals(rule("dim(?x, 0) / 0"), negated(matrix))).toEqual(reason);
    expect(refusals(rule("dim(?x, 0) / 3"), negated(matrix))).toEqual(reason);
    expect(refusals(rule("9007199254740991 + rank(?x)"), negated(matrix))).toEqual(reason);
  });

  test("when the right side is not well-typed", () => {
    const rule = "exact rule a { neg(?x) => slice(?x, axis: 0, start: 1, size: dim(?x, 0)) }";
    expect(refusals(rule, negated(matrix))[0]).toMatch(/slice/);
  });

  test("when the right side has another type", () => {
    const rule = "exact rule a { neg(?x) => slice(neg(?x), axis: 0, start: 0, size: 2) }";
    expect(refusals(rule, negated(matrix))).toEqual([
      `the right side is ${printType(tensor("f32", 2, 6))}, what it replaces is ${printType(matrix)}`,
    ]);
  });

  test("when a kernel refuses its operands", () => {
    const neg = coreRegistry.require("neg");
    const kernel = { ...neg, name: "c.neg", refuses: () => "the rows are too short" };
    const registry = coreRegistry.extend([kernel]);
    const source = sample("rules sample lower\nexact rule a { neg(?x) => c.neg(?x) }");
    const terms = new Terms();
    terms.op("neg", [terms.param("x", matrix)]);
    const rule = valueOf(loadRuleFile(source, registry)).rules[0]!;
    expect(terms.refusals(rule)).toEqual(["`c.neg` refuses: the rows are too short"]);
  });
});

test("several premises share variables, and shared terms are built once", () => {
  const terms = new Terms();
  const x = terms.param("x", tensor("f32", "T", 4));
  const [u, v] = [terms.weight("u", tensor("f32", 4, 6)), terms.weight("v", tensor("f32", 4, 2))];
  const [a, b] = [terms.op("matmul", [x, u]), terms.op("matmul", [x, v])];
  terms.run(
    compileSample(`exact rule merge {
      ?a = matmul(?x, ?u), ?b = matmul(?x, ?v)
      => let ?p = matmul(?x, concat(?u, ?v, axis: 1)),
         ?a = slice(?p, axis: 1, start: 0, size: dim(?u, 1)),
         ?b = slice(?p, axis: 1, start: dim(?u, 1), size: dim(?p, 1) - dim(?u, 1))
      where constant(?u), constant(?v), distinct(?u, ?v), dim(?u, 1) > dim(?v, 1)
    }`),
    1,
  );
  expect(terms.forms(a)).toEqual(["matmul", "slice axis=1;size=6;start=0"]);
  expect(terms.forms(b)).toEqual(["matmul", "slice axis=1;size=2;start=6"]);
});

test("a rule that points both ways is two rules", () => {
  const rule = onlyRule("exact rule turn { neg(exp(?x)) <=> exp(neg(?x)) }");
  expect(rule.engineRules.map((each) => each.name)).toEqual(["turn", "turn.reverse"]);
  const terms = new Terms();
  const x = terms.param("x", matrix);
  const there = terms.op("neg", [terms.op("exp", [x])]);
  const back = terms.op("exp", [terms.op("neg", [terms.op("sqrt", [x])])]);
  terms.run([rule], 1);
  expect(terms.forms(there)).toEqual(["exp", "neg"]);
  expect(terms.forms(back)).toEqual(["exp", "neg"]);
});

test("a compile option permits its own level and those before it", () => {
  const text = `approximate rule q {
    matmul(?x, ?w) ~> quantized_matmul(?x, quantize(?w, bits: 8, group: 32))
    where constant(?w), rows(?w) % 32 == 0, quantization("q8")
  }`;
  const forms = (settings: Record<string, string>): readonly string[] => {
    const terms = new Terms();
    const y = terms.op("matmul", [terms.param("x", tensor("f32", "T", 64)), terms.weight("w", tensor("f32", 64, 2))]);
    terms.run(compileSample(text, settings));
    return terms.forms(y);
  };
  expect(forms({})).toEqual(["matmul"]);
  expect(forms({ quantize: "none" })).toEqual(["matmul"]);
  expect(forms({ quantize: "q8" })).toEqual(["matmul", "quantized_matmul"]);
  expect(forms({ quantize: "q4" })).toEqual(["matmul", "quantized_matmul"]);
});

describe("facts", () => {
  test("a pure op over constants is constant, over a parameter it is not", () => {
    const terms = new Terms();
    const [w, x] = [terms.weight("w", matrix), terms.param("x", matrix)];
    const constant = (cls: EClassId): boolean => terms.graph.data(cls).constant;
    expect([w, x, terms.op("neg", [w]), terms.op("add", [w, x])].map(constant)).toEqual([true, false, true, false]);
  });

  test("a class is constant if any of its forms is", () => {
    const terms = new Terms();
    const [w, x] = [terms.weight("w", matrix), terms.param("x", matrix)];
    terms.graph.union(x, w);
    terms.graph.rebuild();
    expect(terms.graph.data(x).constant).toBe(true);
  });

  test("classes of different types refuse to become one, and say both types", () => {
    const terms = new Terms();
    const [a, b] = [terms.param("a", matrix), terms.param("b", tensor("f16", 4, 6))];
    expect(() => terms.graph.union(a, b)).toThrow(EGraphError);
    expect(() => terms.graph.union(a, b)).toThrow(/tensor<4x6xf32>.*tensor<4x6xf16>/);
  });

  test("equal payloads have equal keys, whatever the order of attributes", () => {
    expect(payloadKey({ attrs: { a: 1, b: [1, 2] } })).toBe(payloadKey({ attrs: { b: [1, 2], a: 1 } }));
    expect(payloadKey({ attrs: {}, type: matrix })).not.toBe(payloadKey({ attrs: {}, type: tensor("f32", 4, 7) }));
  });
});
