// The machine that checks rules: it must pass what is right, and find what is wrong, small and readable.

import { describe, expect, test } from "vitest";

import { renderDiagnostics } from "../../../src/diagnostics/index.js";
import { checkRule } from "../../../src/rules/index.js";
import { codesAndPlaces, onlyRule } from "./support.js";

const right: Record<string, string> = {
  "an identity": "exact rule a { mul(?x, constant(value: 1.0)) => ?x }",
  "both directions": "exact rule a { neg(mul(?x, ?y)) <=> mul(neg(?x), ?y) }",
  "sums in another order": "reassociates rule a { add(add(?a, ?b), ?c) => add(?a, add(?b, ?c)) where same_type(?a, ?b) }",
  "a product of products": `reassociates rule a {
    matmul(matmul(?x, ?a), ?b) => matmul(?x, matmul(?a, ?b)) where rank(?x) == 2, rank(?a) == 2, rank(?b) == 2
  }`,
  "rows of a table": `exact rule a { gather(neg(?table), ?rows) => neg(gather(?table, ?rows)) }`,
  "attention over pages": `reassociates rule a {
    attention(
      ?q, lookup_keys(?cache, ?layer, ?table, ?cs, ?cp), lookup_values(?cache, ?layer, ?table, ?cs, ?cp),
      causal_mask(?at, ?seq, ?cp, ?cs), scale: ?s)
    => paged_attention(?q, ?cache, ?layer, ?table, ?seq, ?at, scale: ?s)
  }`,
  "eight bits": `approximate rule a {
    matmul(?x, ?w) ~> quantized_matmul(?x, quantize(?w, bits: 8, group: 32)) where rows(?w) % 32 == 0
  }`,
};

describe("a right rule passes, and was really tried", () => {
  test.each(Object.entries(right))("%s", async (_name, text) => {
    const report = await checkRule(onlyRule(text));
    expect(renderDiagnostics(report.diagnostics)).toBe("");
    expect(report.cases).toBeGreaterThanOrEqual(5);
    expect(report.evaluations).toBeGreaterThanOrEqual(report.cases);
  });
});

const wrong: Record<string, string> = {
  "operands swapped": "exact rule a { sub(?a, ?b) => sub(?b, ?a) }",
  "another order called exact": "exact rule a { add(add(?a, ?b), ?c) => add(?a, add(?b, ?c)) where same_type(?a, ?b) }",
  "a sum with zero called exact": "exact rule a { add(?x, constant(value: 0.0)) => ?x }",
  "zero times anything": "exact rule a { mul(?x, constant(value: 0.0)) => full_like(?x, value: 0.0) }",
  "erf taken for tanh": "reassociates rule a { gelu(?x) => gelu_tanh(?x) }",
  "another epsilon": "reassociates rule a { rms_norm(?x, ?g, epsilon: ?e) => rms_norm(?x, ?g, epsilon: ?e * 2) }",
  "gate and up swapped": `exact rule a {
    mul(slice(?p, axis: 1, start: 0, size: ?n), silu(slice(?p, axis: 1, start: ?n, size: ?n))) => swiglu(?p)
    where dim(?p, 1) == 2 * ?n
  }`,
  "an anti-causal mask": `exact rule a {
    and(
      compare(reshape(?seq, shape: [_, 1]), reshape(?cs, shape: [1, _]), predicate: "eq"),
      compare(reshape(?at, shape: [_, 1]), reshape(?cp, shape: [1, _]), predicate: "le"))
    => causal_mask(?at, ?seq, ?cp, ?cs)
    where rank(?seq) == 1, rank(?cs) == 1, rank(?at) == 1, rank(?cp) == 1
  }`,
  "keys under another permutation": `reassociates rule a {
    transpose(matmul(softmax(mul(
      matmul(transpose(?q, permutation: [1, 0, 2]), reshape(?k, shape: [_, _, _])), constant(value: ?s)), axis: 2),
      transpose(?v, permutation: [1, 0, 2])), permutation: [1, 0, 2])
    => attention(?q, ?k, ?v, broadcast(constant(value: 1.0): tensor(i1, []), shape: [dim(?q, 0), dim(?k, 0)]), scale: ?s)
    where rank(?q) == 3, rank(?k) == 3, same_type(?k, ?v)
  }`,
  "pages of another layer": `reassociates rule a {
    ?y = paged_attention(?q, ?cache, ?layer, ?table, ?seq, ?at, scale: ?s), ?c = append_kv(?cache, _, _, ?other, ?table, _, _)
    => ?y = paged_attention(?q, ?cache, ?other, ?table, ?seq, ?at, scale: ?s)
  }`,
  "rounding far off": `approximate rule a {
    matmul(?x, ?w) ~> quantized_matmul(neg(?x), quantize(?w, bits: 8, group: 32)) where rows(?w) % 32 == 0
  }`,
};

/** Each holds for ordinary numbers. */
const wrongAtTheEdge: Record<string, string> = {
  "a sum that may overflow": "exact rule a { sub(?x, ?x) => full_like(?x, value: 0.0) }",
  "a comparison that no NaN passes": 'exact rule a { select(compare(?x, ?x, predicate: "eq"), ?x, abs(?x)) => select(compare(?x, ?x, predicate: "eq"), ?x, full_like(?x, value: 0.0)) }',
  "a NaN that vanishes in a product": "reassociates rule a { mul(?x, constant(value: 0.0)) => full_like(?x, value: 0.0) }",
  "a subnormal that is scaled": "exact rule a { mul(mul(?x, constant(value: 1e-5)), constant(value: 1e5)) => ?x }",
};

describe("a wrong rule is found by values at the edge", () => {
  test.each(Object.entries(wrongAtTheEdge))("%s", async (_name, text) => {
    const report = await checkRule(onlyRule(text));
    expect(codesAndPlaces(report.diagnostics)).toEqual([expect.stringMatching(/^rule\/unsound at 2: a$/)]);
  });
});

test("infinities and NaN are demanded of exact rules alone", async () => {
  const sides = "div(mul(?x, constant(value: 4.0)), constant(value: 4.0)) => ?x";
  expect(codesAndPlaces((await checkRule(onlyRule(`exact rule a { ${sides} }`))).diagnostics)).toEqual(["rule/unsound at 2: a"]);
  expect((await checkRule(onlyRule(`reassociates rule a { ${sides} }`))).diagnostics).toEqual([]);
});

describe("a wrong rule is found", () => {
  test.each(Object.entries(wrong))("%s", async (_name, text) => {
    const rule = onlyRule(text);
    const report = await checkRule(rule);
    expect(codesAndPlaces(report.diagnostics)).toEqual([expect.stringMatching(/^rule\/unsound at 2: a$/)]);
  });
});

test("a counter-example is small, simple, and stands under the rule", async () => {
  const rule = onlyRule("exact rule swap { sub(?a, ?b) => sub(?b, ?a) }");
  const { diagnostics, counterExample } = await checkRule(rule);
  const found = diagnostics[0]!;
  expect(found.message).toMatch(/^`swap` is not exact: element \d is -?1 on the left and -?1 on the right$/);
  const marked = found.related.map(({ place }) => place.source.text.slice(place.span.start, place.span.end));
  expect(marked).toEqual(["?a", "?b"]);
  const values = [...(counterExample?.values ?? [])].filter(([name]) => name === "a" || name === "b");
  const elements = values.flatMap(([, value]) => (value.kind === "tensor" ? [...value.data] : []));
  expect(elements.length).toBeLessThanOrEqual(6);
  expect(elements.filter((each) => each !== 0)).toEqual([1]);
});

test("the direction that is wrong is named", async () => {
  const { diagnostics } = await checkRule(onlyRule("exact rule both { abs(abs(?x)) <=> abs(neg(?x)) }"));
  expect(diagnostics).toEqual([]);
  const report = await checkRule(onlyRule("exact rule abs { sqrt(mul(?x, ?x)) <=> maximum(?x, ?x) }"));
  expect(report.diagnostics[0]?.message).toMatch(/^`abs` is not exact/);
});

test("the same seed gives the same verdict", async () => {
  const rule = onlyRule("reassociates rule a { gelu(?x) => gelu_tanh(?x) }");
  const [first, second] = [await checkRule(rule, { seed: 5 }), await checkRule(rule, { seed: 5 })];
  expect(second.diagnostics).toEqual(first.diagnostics);
});

test("a rule that nothing fits is said to be unchecked", async () => {
  const rule = onlyRule("exact rule a { neg(neg(?x)) => ?x where rank(?x) == 2, rank(?x) == 3 }");
  const report = await checkRule(rule, { cases: 2 });
  expect(codesAndPlaces(report.diagnostics)).toEqual(["rule/unchecked at 2: a"]);
});

test("a guard about compile options is taken to hold", async () => {
  const rule = onlyRule('exact rule a { sub(?a, ?b) => sub(?b, ?a) where option("mode") == "x", quantization("q4") }');
  expect(codesAndPlaces((await checkRule(rule)).diagnostics)).toEqual(["rule/unsound at 2: a"]);
});
