// test/fixtures/ir: what the text form accepts, and what it refuses with which code at which place.

import { fileURLToPath } from "node:url";

import { describe, expect, test } from "vitest";

import { catalogue, renderDiagnostics } from "../../../src/diagnostics/index.js";
import { parseModule, printModule } from "../../../src/ir/index.js";
import { expected, found, readFixtures } from "../../support/marked-fixtures.js";
import { mustParse } from "../../support/parse-ir.js";
import { smallRegistry } from "../../support/small-registry.js";

const folder = fileURLToPath(new URL("../../fixtures/ir", import.meta.url));
const rejected = readFixtures(`${folder}/reject`, ".mlir");

describe("accepted, and printed so that it reads back as itself", () => {
  test.each(readFixtures(`${folder}/accept`, ".mlir"))("$name", ({ source }) => {
    const module = mustParse(source.text);
    const printed = printModule(module, smallRegistry);
    expect(mustParse(printed)).toEqual(module);
  });
});

describe("rejected", () => {
  test.each(rejected)("$name", (fixture) => {
    const result = parseModule(fixture.source, smallRegistry);
    expect(found(result.diagnostics), renderDiagnostics(result.diagnostics)).toEqual(expected(fixture));
    expect(fixture.codes).toHaveLength(fixture.spans.length);
    expect(result.ok).toBe(false);
  });
});

test("every code that a parse can give has a reject fixture", () => {
  // The first three need a text too large for a fixture; the others are the verifier's.
  const elsewhere = ["too-large", "too-deep", "more-errors", "bad-name", "no-entry", "entry-signature", "cache-use"];
  const codes = Object.keys(catalogue).filter((code) => code.startsWith("ir/"));
  const covered = new Set(rejected.flatMap((each) => each.codes));
  expect(codes.filter((code) => !covered.has(code))).toEqual(elsewhere.map((each) => `ir/${each}`));
});
