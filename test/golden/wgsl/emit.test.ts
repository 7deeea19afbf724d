// The emitted WGSL as text: a product with a residual, attention, kernels printed from loops, and the
// description of a program. Review a change as a diff; update with `npx vitest run test/golden -u`.

import { expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import { kernelCases, loopCases } from "../../device/wgsl/kernel-cases.js";
import type { DeviceCase } from "../../device/wgsl/kernel-harness.js";
import { emitCase } from "../../device/wgsl/kernel-harness.js";

const random = createRandom(1);
const cases = [...loopCases(random), ...kernelCases(random)];

function caseOf(kernel: string, test: (each: DeviceCase) => boolean): DeviceCase {
  const [found] = cases.filter((each) => each.kernel === kernel && test(each));
  if (found === undefined) throw new Error(`there is no case of ${kernel}`);
  return found;
}

const goldens: readonly (readonly [file: string, DeviceCase, module: RegExp])[] = [
  ["matmul-add-q8.wgsl", caseOf("wgsl.matmul_add", ({ title }) => title.includes("q8")), /few/],
  ["paged-attention.wgsl", caseOf("wgsl.paged_attention", () => true), /./],
  ["softmax.wgsl", caseOf("loops.softmax", () => true), /./],
  ["append-kv-half.wgsl", caseOf("loops.append_kv", ({ result }) => "dtype" in result && result.dtype === "f16"), /./],
];

test.each(goldens)("%s", async (file, each, module) => {
  const text = emitCase(each).find(({ path }) => path.endsWith(".wgsl") && module.test(path))?.text ?? "";
  await expect(text).toMatchFileSnapshot(file);
  expect(text.split("\n").filter((line) => line !== line.trimEnd())).toEqual([]);
});

test("program.json", async () => {
  const [description] = emitCase(caseOf("wgsl.matmul_add", ({ title }) => title.includes("q8")));
  await expect(description?.text).toMatchFileSnapshot("program.json");
});

test("equal plans give equal bytes", () => {
  for (const each of cases.slice(0, 20)) expect(emitCase(each)).toEqual(emitCase(each));
});
