// Checks the shipped rules that have no verdict yet, for every target. Needs `dist`.

import { checkRules, DEFAULT_COMPILE_OPTIONS, readRules, ruleHash, targets } from "../dist/src/compiler/index.js";

/** What was found wrong, and the hash of each rule by name. */
export async function checkShippedRules(host) {
  const diagnostics = [];
  const hashes = new Map();
  for (const backend of targets) {
    // So that rules about small weights are read as well.
    const options = { ...DEFAULT_COMPILE_OPTIONS, target: backend.name, quantize: "q4" };
    const rules = readRules(host, backend, options);
    diagnostics.push(...rules.diagnostics, ...(await checkRules(host, options, {})).diagnostics);
    for (const rule of rules.ok ? rules.value.rules : []) hashes.set(rule.name, ruleHash(host, rule));
  }
  return { diagnostics, hashes: Object.fromEntries([...hashes].sort(([a], [b]) => (a < b ? -1 : 1))) };
}
