// Every lowering rule of the C target against the kernel that it selects, as compiled code: operands are
// drawn from the rule's own left side, whose meaning is what the kernel must give.

import { readFileSync } from "node:fs";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { kernels } from "../../../backends/c/kernels.js";
import { coreRegistry } from "../../../src/ir/index.js";
import type { KernelUse } from "../../../src/rules/index.js";
import { drawKernelUses, loadRuleFile, permissiveSettings } from "../../../src/rules/index.js";
import type { Harness, KernelCase } from "./kernel-harness.js";
import { buildHarness, findTestCompiler } from "./kernel-harness.js";

const compiler = findTestCompiler();
const source = { name: "lower/c.rules", text: readFileSync("rules/lower/c.rules", "utf8") };
const loaded = loadRuleFile(source, coreRegistry.extend(kernels), permissiveSettings);
if (!loaded.ok) throw new Error("rules/lower/c.rules does not load");

const uses = loaded.value.rules.map((rule) => ({ rule: rule.name, found: drawKernelUses(rule, 3, 3) }));
const all = uses.flatMap(({ rule, found }) => found.map((use) => ({ rule, use })));

function caseOf({ rule, use }: { readonly rule: string; readonly use: KernelUse }): KernelCase {
  const { record, operands, attrs, operandTypes, result } = use;
  const table = operands.find((_, i) => record.operands[i] === "block_table");
  const cache = operands.find((each) => each.kind === "kv_cache");
  const dims = {
    ...(table?.kind === "tensor" && { B: table.shape[1] ?? 1 }),
    ...(cache?.kind === "kv_cache" && { P: cache.blocks }),
  };
  const types = operandTypes.map((type, i) => (operands[i]?.kind === "kv_cache" ? operands[i].type : type));
  return { title: rule, record, operands, attrs, operandTypes: types, result, dims };
}

function expectedNumbers({ expected }: KernelUse): readonly number[] {
  if (expected.kind === "kv_cache") return [...expected.keys, ...expected.values];
  if (expected.kind !== "tensor") throw new Error("kernels make tensors and caches");
  return [...expected.data];
}

/** The element that is furthest off, when it is too far. */
function worst(use: KernelUse, found: Float32Array): string | undefined {
  const wanted = expectedNumbers(use);
  const distances = wanted.map((each, i) => (Object.is(each, found[i]) ? 0 : Math.abs(each - found[i]!)));
  const index = distances.findIndex((each) => !(each <= use.allowed));
  return index < 0 ? undefined : `element ${index} is ${found[index]}, not ${wanted[index]} (± ${use.allowed})`;
}

test.each(uses)("operands are found that fit $rule", ({ found }) => {
  expect(found.length).toBeGreaterThanOrEqual(2);
});

describe.skipIf(compiler === undefined)("the kernel that a rule selects", () => {
  let harness: Harness | undefined;
  let results: readonly Float32Array[] = [];

  beforeAll(() => {
    harness = buildHarness(all.map(caseOf), { compiler: compiler ?? "", flags: ["-O1", "-march=native"] });
    results = harness.run(2);
  }, 300_000);

  afterAll(() => harness?.close());

  test.each(loaded.value.rules.map(({ name }) => name))("is what %s says", (rule) => {
    const differences = all.flatMap((each, i) => (each.rule === rule ? [worst(each.use, results[i]!) ?? ""] : []));
    expect(differences.filter((each) => each !== "")).toEqual([]);
  });
});
