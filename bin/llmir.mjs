#!/usr/bin/env node
// The `llmir` command. In a checkout (sources beside it) it first brings the compiled program up to date;
// in an installed package it just starts.

import { existsSync } from "node:fs";

if (existsSync(new URL("../src", import.meta.url))) {
  const { ensureReady, orExit } = await import("../scripts/bootstrap.mjs");
  await orExit(ensureReady());
}

const { main } = await import("../dist/src/cli/main.js");
process.exitCode = await main(process.argv.slice(2));
