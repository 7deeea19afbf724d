// `npm run check`: what can be known without running the program. Types (TypeScript 7), lint, and the
// architecture test run side by side; each prints its time, and its output when it fails.

import { ensureGrammars, ensurePackages, orExit, root } from "./bootstrap.mjs";
import { runQuietly } from "./run.mjs";

const pieces = [
  { name: "types", args: ["node_modules/ts7/bin/tsc", "--noEmit", "-p", "tsconfig.json"] },
  { name: "lint", args: ["node_modules/eslint/bin/eslint.js", "--max-warnings=0", "."] },
  { name: "architecture", args: ["node_modules/vitest/vitest.mjs", "run", "test/architecture.test.ts"] },
];

await orExit(ensurePackages());
await orExit(ensureGrammars());
const codes = await Promise.all(pieces.map(check));
process.exitCode = codes.every((code) => code === 0) ? 0 : 1;

async function check({ name, args }) {
  const start = performance.now();
  const { code, output } = await runQuietly(process.execPath, args, root);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`check: ${name} ${code === 0 ? "ok" : "FAILED"} (${seconds} s)`);
  if (code !== 0) console.log(output.trimEnd());
  return code;
}
