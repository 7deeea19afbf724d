// `llmir bisect` on planted faults: the rule to blame is named, and what is printed shows the fault.

import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { everyTargetRegistry } from "../../src/compiler/index.js";
import type { Func, Module, Value } from "../../src/ir/index.js";
import { evaluateFunc, newTensor, parseModule, valueInfo, valueType } from "../../src/ir/index.js";
import { requireSharedModel, writeRandomLlama } from "../support/models.js";
import { createCommandFolder } from "../support/run-in-process.js";

const timeout = 300_000;
const commands = createCommandFolder();
let model = "";

beforeAll(async () => {
  const wide = { hiddenSize: 64, intermediateSize: 96 };
  model = writeRandomLlama(join(commands.folder, "model"), wide);
  // Shipped rules that were changed a moment ago are checked here, once.
  await commands.run("explain", model);
}, timeout);

afterAll(() => commands.remove());

interface Blamed {
  readonly rule: string;
  readonly file: string;
  readonly line: number;
  readonly func: string | null;
  readonly value: string;
  readonly layer: number | null;
  readonly relativeError: number | null;
  readonly graph: string;
  readonly without: readonly { readonly relativeError: number | null }[];
}

interface Report {
  readonly errors: readonly { readonly scenario: string; readonly relativeError: number | null }[];
  readonly applications: number;
  readonly blamed: readonly Blamed[];
}

async function bisect(family: string, rules: string, ...more: readonly string[]) {
  const purpose = more.includes("lower") ? "lower" : "simplify";
  const path = commands.file(`${family}.rules`, `//! Wrong.\nrules ${family} ${purpose}\n\n${rules}\n`);
  const flags = ["--rules", path, "--unchecked-rules", ...more.filter((each) => each !== "lower"), "--json"];
  const { exitCode, stdout, stderr } = await commands.run("bisect", model, ...flags);
  const report: Report = JSON.parse(stdout);
  return { exitCode, report, codes: commands.codes(stderr).filter((code) => code !== "rule/unused-variable") };
}

/** Both functions of a printed graph on the same random operands. */
function sidesOf({ graph }: Blamed): readonly [readonly number[], readonly number[]] {
  const parsed = parseModule({ name: "graph.mlir", text: graph }, everyTargetRegistry);
  if (!parsed.ok) throw new Error(`${JSON.stringify(parsed.diagnostics.map(({ message }) => message))}\n${graph}`);
  const { functions } = parsed.value;
  const [left, right] = ["left", "right"].map((name) => functions.find((func) => func.name === name));
  if (left === undefined || right === undefined) throw new Error(graph);
  const args = new Map<string, Value>();
  left.params.forEach((param, i) => args.set(valueInfo(left, param).name, operand(left, param, i)));
  return [run(parsed.value, left, args), run(parsed.value, right, args)];
}

function operand(func: Func, param: Func["params"][number], seed: number): Value {
  const type = valueType(func, param);
  if (type.kind !== "tensor") throw new Error("a tensor was expected");
  const value = newTensor(type.dtype, type.shape.map(Number));
  value.data.forEach((_, i) => (value.data[i] = Math.sin(1 + i + 7 * seed)));
  return value;
}

function run(module: Module, func: Func, args: ReadonlyMap<string, Value>): readonly number[] {
  const given = func.params.flatMap((param) => args.get(valueInfo(func, param).name) ?? []);
  const weights = (name: string): Value => {
    throw new Error(`the graph reads the weight ${name}`);
  };
  const [result] = evaluateFunc(module, func, given, { registry: everyTargetRegistry, weights });
  return result?.kind === "tensor" ? Array.from(result.data) : [];
}

function operations({ graph }: Blamed): number {
  return graph.split("\n").filter((line) => /"[a-z_.0-9]+"\(/.test(line)).length;
}

/** Elements of all parameters of the left side. */
function elements({ graph }: Blamed): number {
  const [, params = ""] = /@left\((.*)\) ->/.exec(graph) ?? [];
  const shapes = [...params.matchAll(/tensor<((?:\d+x)*)/g)].map(([, shape = ""]) => shape.split("x").slice(0, -1));
  const sizes = shapes.map((shape) => shape.reduce((product, extent) => product * Number(extent), 1));
  return sizes.reduce((sum, size) => sum + size, 0);
}

test("a plan by shipped rules alone has nothing to blame", { timeout }, async () => {
  const { exitCode, stdout } = await commands.run("bisect", model, "--json");
  expect(exitCode).toBe(0);
  const report: Report = JSON.parse(stdout);
  expect(report.blamed).toEqual([]);
  expect(report.applications).toBeGreaterThan(5);
  for (const { relativeError } of report.errors) expect(relativeError).toBeLessThan(1e-4);
});

describe("a planted fault", () => {
  const expectBlame = (found: Awaited<ReturnType<typeof bisect>>, rule: string): Blamed => {
    const { exitCode, report, codes } = found;
    expect([exitCode, codes]).toEqual([2, ["rule/used-unchecked", "rule/blamed"]]);
    expect(report.errors[0]?.relativeError ?? Infinity).toBeGreaterThan(0.02);
    expect(report.blamed.map((each) => each.rule)).toEqual([rule]);
    const [blamed] = report.blamed;
    if (blamed === undefined) throw new Error("nobody is to blame");
    expect(blamed.line).toBe(5);
    return blamed;
  };

  test("in the algebra: a residual that is dropped", { timeout }, async () => {
    const found = await bisect("faults", "/// No.\nexact rule wrong_sum { add(?a, ?b) => ?a }");
    const blamed = expectBlame(found, "wrong_sum");
    expect(blamed.func).toBe("layer");
    expect(blamed.value).toMatch(/^%/);
    expect(blamed.layer).toBe(0);
    expect([operations(blamed), elements(blamed)]).toEqual([1, 2]);
    const [left, right] = sidesOf(blamed);
    expect(left).not.toEqual(right);
    expect(blamed.without[0]?.relativeError).toBeLessThan(1e-4);
  });

  test("in a lowering: a kernel that leaves the residual out", { timeout }, async () => {
    const text = "/// No.\nreassociates rule wrong_kernel {\n  matmul_add(?x, ?w, ?r) => c.matmul(?x, c.pack(?w))\n  where constant(?w)\n}";
    const blamed = expectBlame(await bisect("kernels", text, "lower"), "wrong_kernel");
    expect(operations(blamed)).toBe(3);
    expect(elements(blamed)).toBe(3);
    const [left, right] = sidesOf(blamed);
    expect(left).not.toEqual(right);
    expect(blamed.without[0]?.relativeError).toBeLessThan(1e-4);
  });

  test("in an approximate rule: codes of another matrix", { timeout }, async () => {
    const right = "quantized_matmul(?x, quantize(mul(?w, full_like(?w, value: 2.0)), bits: 4, group: 32))";
    const text = `/// No.\napproximate rule wrong_codes {\n  matmul(?x, ?w) ~> ${right}\n  where constant(?w), dim(?w, 0) % 32 == 0\n}`;
    const blamed = expectBlame(await bisect("other_codes", text, "--quantize", "q8"), "wrong_codes");
    expect(blamed.relativeError).toBeGreaterThan(0.5);
    // A group of 32 rows is the least that can be quantized.
    expect(elements(blamed)).toBe(64);
    const [left, other] = sidesOf(blamed);
    expect(other[0]! / left[0]!).toBeCloseTo(2, 0);
    // What is left is what 8 bits cost.
    expect(blamed.without[0]?.relativeError).toBeLessThan(0.2);
  });

  test("in a premise: an epsilon that is not pinned", { timeout }, async () => {
    const text = "/// No.\nexact rule wrong_norm { rms_norm(?x, ?g, epsilon: _) => mul(?x, ?g) }";
    const blamed = expectBlame(await bisect("norm", text), "wrong_norm");
    expect(operations(blamed)).toBe(2);
    const [left, right] = sidesOf(blamed);
    expect(left).not.toEqual(right);
  });

  test("of two rules at once: both are named, and the plan is right without them", { timeout }, async () => {
    const sum = "/// No.\nexact rule wrong_sum { add(?a, ?b) => ?a }";
    const norm = "/// No.\nexact rule wrong_norm { rms_norm(?x, ?g, epsilon: _) => mul(?x, ?g) }";
    const { report } = await bisect("both", `${sum}\n\n${norm}`);
    expect(report.blamed.map(({ rule }) => rule).sort()).toEqual(["wrong_norm", "wrong_sum"]);
    expect(report.blamed.at(-1)?.without[0]?.relativeError).toBeLessThan(1e-4);
  });

  test("that the plan does not rest on is not blamed", { timeout }, async () => {
    const { exitCode, report } = await bisect("idle", "/// No.\nexact rule wrong_idle { sub(?a, ?b) => sub(?b, ?a) }");
    expect([exitCode, report.blamed]).toEqual([0, []]);
  });
});

test("people read who is to blame, where, and the values that show it", { timeout }, async () => {
  const path = commands.file("faults.rules", "//! x\nrules faults simplify\n\n/// No.\nexact rule wrong_sum { add(?a, ?b) => ?a }\n");
  const { exitCode, stdout, stderr } = await commands.run("bisect", model, "--rules", path, "--unchecked-rules");
  expect(exitCode).toBe(2);
  expect(stdout).toMatch(/to blame: wrong_sum \(.*faults\.rules:5\), at @layer %\w+ in layer 0/);
  expect(stdout).toMatch(/the smallest graph that shows it\n {2}module \{/);
  expect(stdout).toMatch(/left gives tensor<1x1xf32> \[1\]\n {2}right gives tensor<1x1xf32> \[0\]/);
  expect(stdout).toMatch(/without it the plan is off by \S+ \(decode\)/);
  expect(stderr).toContain("error[rule/blamed]");
});

test("a configuration without weights is told what is missing", { timeout }, async () => {
  const config = requireSharedModel("configs", "Meta-Llama-3.1-8B.json");
  if (config === "") return;
  const { exitCode, stderr } = await commands.run("bisect", config, "--json");
  expect([exitCode, commands.codes(stderr)]).toEqual([2, ["model/no-weights"]]);
});
