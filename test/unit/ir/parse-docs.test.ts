// The examples in docs/languages/ir.md are modules, printed as the printer prints them.

import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import type { Module } from "../../../src/ir/index.js";
import { coreRegistry, entryName, findFunction, printModule } from "../../../src/ir/index.js";
import { verifyFunctions, verifyModule } from "../../../src/ir/index.js";
import { mustParse } from "../../support/parse-ir.js";

const page = readFileSync(new URL("../../../docs/languages/ir.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/^```mlir\n(.*?)^```$/gms)].map((each) => each[1] ?? "");

test("the page has a small example and a whole model", () => {
  expect(examples.map((text) => isWhole(mustParse(text, coreRegistry)))).toEqual([false, true]);
});

describe.each(examples)("example %#", (text) => {
  const module = mustParse(text, coreRegistry);

  test("is well-formed", () => {
    const verify = isWhole(module) ? verifyModule : verifyFunctions;
    expect(verify(module, coreRegistry)).toEqual([]);
  });

  test("is printed as it stands", () => {
    expect(printModule(module, coreRegistry)).toBe(text);
  });
});

function isWhole(module: Module): boolean {
  return findFunction(module, entryName) !== undefined;
}
