// `rules/checked.json` says which shipped rules were found sound: it must be current, and it must be true.

import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import {
  checkedRecordPath,
  DEFAULT_COMPILE_OPTIONS,
  readRules,
  RULE_CHECK,
  ruleHash,
  targets,
} from "../../src/compiler/index.js";
import { renderDiagnostics } from "../../src/diagnostics/index.js";
import { createNodeHost } from "../../src/host/index.js";
import type { CompiledRule } from "../../src/rules/index.js";
import { checkRule } from "../../src/rules/index.js";

const host = createNodeHost();
const shipped = new Map(targets.flatMap(rulesOf).map((rule) => [rule.name, rule] as const));

function rulesOf(backend: (typeof targets)[number]): readonly CompiledRule[] {
  const read = readRules(host, backend, { ...DEFAULT_COMPILE_OPTIONS, target: backend.name, quantize: "q4" });
  if (!read.ok) throw new Error(renderDiagnostics(read.diagnostics));
  return read.value.rules;
}

test("every shipped rule is recorded as it stands, and nothing else is (`npm run record:rules`)", () => {
  const recorded: unknown = JSON.parse(readFileSync(checkedRecordPath(host), "utf8"));
  const hashes = Object.fromEntries([...shipped.values()].map((rule) => [rule.name, ruleHash(host, rule)]));
  expect(recorded).toEqual(hashes);
});

test("every shipped rule is sound", { timeout: 300_000 }, async () => {
  const found = [];
  for (const rule of shipped.values()) found.push(...(await checkRule(rule, RULE_CHECK)).diagnostics);
  expect(renderDiagnostics(found)).toBe("");
});
