// `llmir hardware calibrate`: what is measured is what plans are priced by, until it is forgotten.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, expect, test } from "vitest";

import { parseHardware } from "../../src/cost/index.js";
import type { HardwareDescription } from "../../src/cost/index.js";
import { createCli } from "../support/run-cli.js";
import { findTestCompiler } from "../device/c/kernel-harness.js";

const cli = createCli();
afterAll(() => cli.remove());

const compiler = findTestCompiler();

async function describe(...words: readonly string[]): Promise<HardwareDescription> {
  const result = await cli.run(["hardware", ...words, "--json"]);
  expect(result.exitCode, result.stderr).toBe(0);
  return parseHardware(JSON.parse(result.stdout));
}

test.skipIf(compiler === undefined)("measures, remembers, forgets", { timeout: 120_000 }, async () => {
  const usual = await describe();
  const measured = await describe("calibrate");
  expect(measured.clockHz).not.toBe(usual.clockHz);
  expect(measured.memory.bytesPerSecondOneThread).toBeGreaterThan(0);
  expect(measured.families).toEqual(usual.families);
  expect(await describe()).toEqual(measured);

  const file = join(cli.cache, "hardware", "c", "measured.json");
  expect(readdirSync(join(cli.cache, "hardware", "c"))).toEqual(["measured.json"]);
  const kept = readFileSync(file, "utf8");
  for (const damaged of ["", "{}", kept.replace(/"machine": "./, '"machine": "x')]) {
    writeFileSync(file, damaged);
    expect(await describe()).toEqual(usual);
  }
  writeFileSync(file, kept);
  expect(await describe()).toEqual(measured);
  expect(await describe("calibrate", "--forget")).toEqual(usual);
});
