// `npm run record:rules`: checks the shipped rules of every target that were changed since they were last
// found sound, and writes those that are into `rules/checked.json`, so that nobody else has to check them.

import { writeFileSync } from "node:fs";

import { ensureReady, orExit, root } from "./bootstrap.mjs";

await orExit(ensureReady());
const compiler = await import("../dist/src/compiler/index.js");
const { checkedRecordPath, checkRules, DEFAULT_COMPILE_OPTIONS, readRules } = compiler;
const { ruleHash, RuleVerdicts, targets } = compiler;
const { createNodeHost } = await import("../dist/src/host/index.js");
const { renderDiagnostics } = await import("../dist/src/diagnostics/index.js");
const { permissiveSettings } = await import("../dist/src/rules/index.js");

const host = createNodeHost();
const hashes = new Map();
const diagnostics = [];
for (const backend of targets) {
  const options = { ...DEFAULT_COMPILE_OPTIONS, ...permissiveSettings, target: backend.name };
  const rules = readRules(host, backend, options);
  diagnostics.push(...rules.diagnostics, ...(await checkRules(host, options, {})).diagnostics);
  const verdicts = new RuleVerdicts(host);
  for (const rule of rules.ok ? rules.value.rules : []) {
    if (verdicts.isSound(rule)) hashes.set(rule.name, ruleHash(host, rule));
  }
}
const sorted = [...hashes].sort(([a], [b]) => (a < b ? -1 : 1));
writeFileSync(checkedRecordPath(host), `${JSON.stringify(Object.fromEntries(sorted), undefined, 1)}\n`);
console.log(`recorded ${sorted.length} rules in ${checkedRecordPath(host).slice(root.length + 1)}`);
if (diagnostics.length > 0) {
  console.error(renderDiagnostics(diagnostics));
  process.exitCode = 2;
}
