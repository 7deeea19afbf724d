// The stock MLIR tool reads what we print, and we read what it prints.

import { spawnSync } from "node:child_process";

import { expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import type { Module, Registry } from "../../../src/ir/index.js";
import { coreRegistry, dtypes, FuncBuilder, printModule, tensor } from "../../../src/ir/index.js";
import { mustParse } from "../../support/parse-ir.js";
import { drawModule, renumbered } from "../../support/random-modules.js";
import { smallRegistry } from "../../support/small-registry.js";

const tool = ["mlir-opt-19", "mlir-opt"].find((name) => spawnSync(name, ["--version"]).status === 0);
if (tool === undefined) console.warn("skipped: neither mlir-opt-19 nor mlir-opt is installed");

function mlirOpt(text: string): string {
  const options = { input: text, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(tool ?? "", ["--allow-unregistered-dialect"], options);
  expect(status, `${stderr}\n${text}`).toBe(0);
  return stdout;
}

/** MLIR drops names of values: they are replaced by their numbers. */
function nameless(module: Module): Module {
  const functions = renumbered(module).functions.map((func) => {
    return { ...func, values: func.values.map((each, i) => ({ ...each, name: `v${i}` })) };
  });
  return { functions };
}

function expectRoundTrip(module: Module, registry: Registry): void {
  const back = mustParse(mlirOpt(printModule(module, registry)), registry);
  expect(nameless(back)).toEqual(nameless(module));
}

test.skipIf(tool === undefined)("random modules of all core ops pass through mlir-opt unchanged", () => {
  for (let seed = 0; seed < 15; seed++) {
    expectRoundTrip(drawModule(createRandom(seed), coreRegistry), coreRegistry);
  }
});

test.skipIf(tool === undefined)("every kind of type and attribute passes through mlir-opt unchanged", () => {
  const builder = new FuncBuilder(smallRegistry, "f");
  const x = builder.param("x", tensor("i1", "T", 0, "S"));
  builder.param("cache", { kind: "kv_cache", layers: 5, blockSize: 16, heads: 4, headDim: 8, dtype: "bf16" });
  builder.param("quantized", { kind: "quantized", shape: [64, 32], bits: 4, group: 32, scaleDtype: "f16" });
  builder.param("packed", { kind: "packed", format: "c.rows16", shape: [64, 32], sizeBytes: 8192 });
  const values = [0, -0, 1e-5, 1 / 3, 1e300, 5e-324, 2 ** 53, Infinity, -Infinity, NaN];
  values.forEach((float, i) => {
    const attrs = { float, int: 3 - i, string: 'é "\\\n\u0001😀', bool: i % 2 === 0, ints: [i, -1], dims: ["T", 3] };
    builder.op("settings", [x], { ...attrs, dtype: dtypes[i % dtypes.length]! });
  });
  expectRoundTrip({ functions: [builder.finish([])] }, smallRegistry);
});
