// Schedules, imports and families that are left out; and hostile files, which get an answer in bounded time.

import { describe, expect, test } from "vitest";

import type { Source } from "../../../src/diagnostics/index.js";
import { renderDiagnostics } from "../../../src/diagnostics/index.js";
import { coreRegistry } from "../../../src/ir/index.js";
import type { LoadOptions, RuleProgram } from "../../../src/rules/index.js";
import { loadRuleFile, loadRules } from "../../../src/rules/index.js";
import { codesAndPlaces, loadSample, sample, valueOf } from "./support.js";

const negNeg = "exact rule neg_neg { neg(neg(?x)) => ?x }";
const expLog = "reassociates rule exp_log { log(exp(?x)) => ?x }";

function files(texts: Readonly<Record<string, string>>): readonly Source[] {
  return Object.entries(texts).map(([name, text]) => ({ name, text }));
}

function load(texts: Readonly<Record<string, string>>, options: Partial<LoadOptions> = {}) {
  return loadRules(files(texts), coreRegistry, options);
}

function shape(program: RuleProgram): readonly string[] {
  return program.phases.map(({ name, families, rules }) => `${name}: ${families.join(" ")} (${rules.length})`);
}

const project = {
  "main.rules": "schedule { first: a, b (iterations 3, nodes 500)\n second: b; }",
  "a.rules": `//! About a.\nrules a simplify\n/// Twice negated.\n${negNeg}`,
  "b.rules": `rules b explore\nimport "sub/c.rules"\n${expLog}`,
  "sub/c.rules": `rules sub_c normalise\n${negNeg.replace("rule neg_neg", "rule of_c")}`,
  "lower/t.rules": `rules lower/t lower\n${negNeg.replace("rule neg_neg", "rule of_t")}`,
};

describe("a schedule", () => {
  test("names phases in order; a family brings its imports before itself", () => {
    const program = valueOf(load(project));
    expect(shape(program)).toEqual(["first: a sub/c b (3)", "second: sub/c b (2)"]);
    expect(program.phases.map(({ limits }) => limits)).toEqual([{ iterations: 3, nodes: 500 }, {}]);
    expect(program.families.map(({ name, purpose }) => `${name} ${purpose}`).sort()).toEqual([
      "a simplify",
      "b explore",
      "sub/c normalise",
    ]);
  });

  test("gives each rule its place, family and words", () => {
    const rule = valueOf(load(project)).rules.filter(({ family }) => family === "a")[0]!;
    expect([rule.name, rule.file, rule.line, rule.doc, rule.numerics]).toEqual(["neg_neg", "a.rules", 4, "Twice negated.", "exact"]);
    const { source, span } = rule.place;
    expect(source.text.slice(span.start, span.end)).toBe(negNeg);
  });

  test("takes the target's files as a last phase", () => {
    expect(shape(valueOf(load(project, { lower: ["lower/t.rules"] }))).at(-1)).toBe("lower: lower/t (1)");
  });

  test("reads files through a function as well", () => {
    const read = (path: string) => files(project).find(({ name }) => name === path);
    expect(shape(valueOf(loadRules(read, coreRegistry)))).toEqual(shape(valueOf(load(project))));
  });

  test("goes on without a family whose file is gone, and says so", () => {
    const { "a.rules": _gone, ...rest } = project;
    const result = load(rest);
    expect(codesAndPlaces(result.diagnostics)).toEqual(["rule/missing-file at 1: a"]);
    expect(shape(valueOf(result))).toEqual(["first: sub/c b (2)", "second: sub/c b (2)"]);
  });

  test("leaves families out by name, which are then not even read", () => {
    const broken = { ...project, "a.rules": "nonsense" };
    expect(shape(valueOf(load(broken, { without: ["a", "sub/c"] })))).toEqual(["first: b (1)", "second: b (1)"]);
    const result = load(project, { without: ["aa"] });
    expect(result.diagnostics.map(({ code, hint }) => [code, hint])).toEqual([["rule/unknown-family", "did you mean `a`?"]]);
  });

  test.each([
    ["rule/missing-entry at ?", { "a.rules": project["a.rules"] }],
    ["rule/schedule at 1: /", { "main.rules": "// nothing" }],
    ["rule/schedule at 2: b", { "main.rules": "schedule { x: b,\nb }" }],
    ["rule/schedule at 2: x", { "main.rules": "schedule { x: a;\nx: b }" }],
    ["rule/schedule at 1: seconds", { "main.rules": "schedule { x: a (seconds 3) }" }],
    ["rule/schedule at 1: nodes 0", { "main.rules": "schedule { x: a (nodes 0) }" }],
    ["rule/schedule at 2: schedule { y: b }", { "main.rules": "schedule { x: a }\nschedule { y: b }" }],
    [`rule/misplaced-item at 2: ${negNeg}`, { "main.rules": `schedule { x: a }\n${negNeg}` }],
    ["rule/misplaced-item at 1: rules m simplify", { "main.rules": "rules m simplify schedule { x: a }" }],
  ])("is told: %s", (expected, texts) => {
    const result = load(texts as Record<string, string>);
    expect(codesAndPlaces(result.diagnostics)).toEqual([expected]);
    expect(result.ok).toBe(false);
  });

  test("cannot have a phase `lower` beside the target's", () => {
    const result = load({ "main.rules": "schedule { lower: a }" }, { lower: ["lower/t.rules"] });
    expect(codesAndPlaces(result.diagnostics)).toEqual(["rule/schedule at 1: lower"]);
  });
});

describe("imports", () => {
  test("that run in a circle are an error that shows the circle", () => {
    const result = load({
      "main.rules": "schedule { x: a }",
      "a.rules": `rules a simplify import "b.rules"`,
      "b.rules": `rules b simplify import "a.rules"`,
    });
    expect(result.diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
      "rule/import-cycle the imports run in a circle: a → b → a",
    ]);
  });

  test("of one family by two are no circle", () => {
    const result = load({
      "main.rules": "schedule { x: a, b }",
      "a.rules": `rules a simplify import "c.rules"`,
      "b.rules": `rules b simplify import "c.rules"`,
      "c.rules": `rules c simplify ${negNeg}`,
    });
    expect(shape(valueOf(result))).toEqual(["x: c a b (1)"]);
  });

  test("of a missing file are a warning", () => {
    const result = load({ "main.rules": "schedule { x: a }", "a.rules": `rules a simplify import "no.rules"` });
    expect(codesAndPlaces(result.diagnostics)).toEqual([`rule/missing-file at 1: "no.rules"`]);
    expect(result.ok).toBe(true);
  });

  test("never reach a path outside, nor ask for it", () => {
    const asked: string[] = [];
    const read = (path: string): Source | undefined => {
      asked.push(path);
      return files({ "main.rules": "schedule { x: a }", "a.rules": `rules a simplify import "../secret.rules"` }).find(
        ({ name }) => name === path,
      );
    };
    expect(codesAndPlaces(loadRules(read, coreRegistry).diagnostics)).toEqual([`rule/import-path at 1: "../secret.rules"`]);
    expect(asked).toEqual(["main.rules", "a.rules"]);
  });
});

test("a name that two families use is told at the second, and shows the first", () => {
  const result = load({ ...project, "sub/c.rules": `rules sub_c normalise\n${negNeg}` });
  expect(codesAndPlaces(result.diagnostics)).toEqual(["rule/duplicate-name at 2: neg_neg"]);
  expect(result.diagnostics[0]?.related.map(({ place }) => place.source.name)).toEqual(["a.rules"]);
});

test("mistakes of several files are reported together", () => {
  const result = load({
    "main.rules": "schedule { x: a, b, c }",
    "a.rules": "rules a simplify exact rule r { ned(?x) => ?x }",
    "b.rules": "rules b simplify exact rule",
    "c.rules": "",
  });
  expect(codesAndPlaces(result.diagnostics)).toEqual([
    "rule/unknown-op at 1: ned",
    "rule/syntax at 1: ",
    "rule/missing-header at 1: ",
  ]);
});

test("a variable that nothing reads is a warning, and `_` silences it", () => {
  const used = "exact rule a { sub(?x, mul(?y, constant(value: _))) => sub(?x, mul(?x, constant(value: 0.0): tensor(f32, []))) }";
  expect(codesAndPlaces(loadSample(used).diagnostics)).toEqual(["rule/unused-variable at 2: ?y"]);
  expect(loadSample(used.replace("?y", "_")).diagnostics).toEqual([]);
});

test("a right side that doubles at every shared term is refused before it is written out", () => {
  const doubling = Array.from({ length: 60 }, (_, i) => `?a${i + 1} = add(?a${i}, ?a${i})`).join(", ");
  const result = loadSample(`exact rule a { ?y = neg(?a0) => let ${doubling}, ?y = neg(?a60) }`);
  expect(codesAndPlaces(result.diagnostics)[0]).toMatch(/^rule\/too-large/);
});

describe("a hostile file gets an answer", () => {
  const nested = (depth: number): string => `${"neg(".repeat(depth)}?x${")".repeat(depth)}`;
  const hostile: readonly (readonly [string, string, string])[] = [
    ["ten megabytes", "rule/too-large", "exact rule a { neg(?x) => ?x }\n".repeat(350_000)],
    ["a hundred thousand brackets", "rule/too-large", `rules sample simplify exact rule a { ${nested(100_000)} => ?x }`],
    ["brackets that never close", "rule/too-large", "rules sample simplify exact rule a { " + "[(".repeat(50_000)],
    ["a chain of a hundred thousand terms", "rule/syntax", `rules sample simplify exact rule a { neg(neg(?x)) => ?x where ${"1 + ".repeat(100_000)}1 == 1 }`],
    ["a hundred thousand signs", "rule/syntax", `rules sample simplify exact rule a { neg(neg(?x)) => ?x where ${"-".repeat(100_000)}1 == 1 }`],
    ["a pattern of fifty thousand nodes", "rule/too-large", `rules sample simplify exact rule a { concat(${"neg(?x), ".repeat(50_000)}?x, axis: 0) => ?x }`],
    ["ten thousand premises", "rule/too-large", `rules sample simplify exact rule a { ${"neg(?x), ".repeat(10_000)} neg(?x) => ?x }`],
    ["ten thousand rules", "rule/too-large", `rules sample simplify ${Array.from({ length: 10_000 }, (_, i) => `exact rule r${i} { neg(neg(?x)) => ?x }`).join(" ")}`],
    ["control characters in a name", "rule/syntax", "rules sample simplify exact rule \u001b[31mred { neg(neg(?x)) => ?x }"],
    ["a prototype's name for an op", "rule/unknown-op", "rules sample simplify exact rule a { __proto__(?x) => neg(?x) }"],
    ["a prototype's name for an attribute", "rule/unknown-attribute", "rules sample simplify exact rule a { neg(neg(?x), constructor: 1) => ?x }"],
    ["a prototype's name for a function", "rule/unknown-function", "rules sample simplify exact rule a { neg(neg(?x)) => ?x where toString(?x) }"],
    ["a number without end", "rule/attribute-kind", "rules sample simplify exact rule a { neg(softmax(?x, axis: 1e999)) => ?x }"],
  ];

  test.each(hostile)("%s", (_name, code, text) => {
    const start = performance.now();
    const result = loadRuleFile(sample(text), coreRegistry);
    expect(result.diagnostics.map((each) => each.code)).toContain(code);
    expect(renderDiagnostics(result.diagnostics)).not.toContain("\u001b");
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  test("a variable named like a prototype's member is a variable", () => {
    const result = loadSample("exact rule a { add(?constructor, ?__proto__) => add(?__proto__, ?constructor) }");
    expect(result.diagnostics).toEqual([]);
  });

  test("a thousand wrong rules make a hundred diagnostics", () => {
    const text = Array.from({ length: 900 }, (_, i) => `exact rule r${i} { ned(ned(?x)) => ned(?x) }`).join("\n");
    expect(loadSample(text).diagnostics).toHaveLength(100);
  });
});
