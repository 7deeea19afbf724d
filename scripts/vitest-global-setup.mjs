// Brings the parsers up to date before a test run, so that plain `npx vitest` works as well.
//
// A grammar in error is reported and doesn't stop the run: its parser is gone, so the tests that need it
// fail by themselves, and the others still say something.

import { ensureGrammars } from "./bootstrap.mjs";

export default async function setup() {
  try {
    await ensureGrammars();
  } catch (error) {
    console.error(`\n${error.message}\n`);
  }
}
