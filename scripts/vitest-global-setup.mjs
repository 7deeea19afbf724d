// Brings the parsers up to date before a test run, so that plain `npx vitest` works as well, and checks shipped
// rules that were changed since they were recorded, since the compiler refuses a rule that nobody has checked.
//
// A grammar in error, a program that does not compile or a rule that is unsound is reported and doesn't stop the
// run: the tests that need it fail by themselves, and the others still say something.

import { ensureGrammars, ensureReady } from "./bootstrap.mjs";

export default async function setup() {
  try {
    await ensureGrammars();
    await ensureReady({ tests: true });
    await checkRules();
  } catch (error) {
    console.error(`\n${error.message}\n`);
  }
}

async function checkRules() {
  const { checkShippedRules } = await import("./shipped-rules.mjs");
  const { createNodeHost } = await import("../dist/src/host/index.js");
  const { renderDiagnostics } = await import("../dist/src/diagnostics/index.js");
  const { diagnostics } = await checkShippedRules(createNodeHost());
  if (diagnostics.length > 0) console.error(`\n${renderDiagnostics(diagnostics)}\n`);
}
