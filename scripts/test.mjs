// `npm test`: makes the checkout ready and runs every test. Arguments go to vitest (`npm test -- egraph`).

import { ensureReady, orExit, root } from "./bootstrap.mjs";
import { run } from "./run.mjs";

const reporters = ["--reporter=default", "--reporter=./scripts/closing-line-reporter.mjs"];
const args = process.argv.slice(2);

await orExit(ensureReady({ tests: true }));
console.log(`llmir: running ${args.length === 0 ? "all tests" : `the tests chosen by: ${args.join(" ")}`}`);
process.exitCode = await run(
  process.execPath,
  ["node_modules/vitest/vitest.mjs", "run", ...reporters, ...args],
  root,
);
