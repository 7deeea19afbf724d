// `npm run record:rules`: checks the shipped rules of every target that were changed since they were last found
// sound, and writes `rules/checked.json`, so that nobody else has to check them. Writes nothing when a rule is
// unsound or cannot be checked.

import { writeFileSync } from "node:fs";

import { ensureReady, orExit } from "./bootstrap.mjs";

await orExit(ensureReady());
const { checkShippedRules } = await import("./shipped-rules.mjs");
const { checkedRecordPath } = await import("../dist/src/compiler/index.js");
const { createNodeHost } = await import("../dist/src/host/index.js");
const { renderDiagnostics } = await import("../dist/src/diagnostics/index.js");

const host = createNodeHost();
const { diagnostics, hashes } = await checkShippedRules(host);
if (diagnostics.length > 0) {
  console.error(renderDiagnostics(diagnostics));
  process.exitCode = 2;
} else {
  writeFileSync(checkedRecordPath(host), `${JSON.stringify(hashes, undefined, 1)}\n`);
  console.log(`recorded ${Object.keys(hashes).length} rules`);
}
