// The emitted program of a small plan, reviewed as a diff. `npx vitest run test/golden -u` writes it anew.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { cudaBackend } from "../../../backends/cuda/index.js";
import type { EmittedFile } from "../../../src/codegen/index.js";
import { printLoopKernelCuda } from "../../../src/codegen/index.js";
import { coreRegistry, inferType, tensor } from "../../../src/ir/index.js";
import { loopKernel } from "../../../src/loops/index.js";
import type { ProgramPlan } from "../../../src/plan/index.js";
import { smallCudaPlan } from "./small-cuda-plan.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

function emit(plan: ProgramPlan): readonly EmittedFile[] {
  return cudaBackend.emit(plan, (path) => readFileSync(join(root, path), "utf8"));
}

function modelText(plan: ProgramPlan): string {
  return emit(plan).find(({ path }) => path === "model.cu")?.text ?? "";
}

test("a small plan prints as it was reviewed", async () => {
  await expect(modelText(smallCudaPlan())).toMatchFileSnapshot("small-model.cu");
});

test("the files are the program, its runtime, and the kernels that it uses", () => {
  expect(emit(smallCudaPlan()).map(({ path }) => path)).toEqual([
    "model.cu",
    "kernels/matmul-rows.cuh",
    "kernels/matmul-tiles.cuh",
    "kernels/matmul.cuh",
    "kernels/paged-cache.cuh",
    "kernels/paged_attention.cuh",
    "kernels/rms_norm.cuh",
    "kernels/rope.cuh",
    "kernels/rope_append_kv.cuh",
    "kernels/rotation.cuh",
    "kernels/swiglu.cuh",
    "kernels/warp.cuh",
    "kernels/weight-rows.cuh",
    "runtime/batch.h",
    "runtime/launch.cuh",
    "runtime/llmir.h",
    "runtime/numbers.cuh",
    "runtime/program.cuh",
    "runtime/runtime.cu",
  ]);
});

test("equal plans give equal bytes", () => {
  expect(emit(smallCudaPlan())).toEqual(emit(smallCudaPlan()));
});

test("a model's name cannot leave its comment or its string", () => {
  const text = modelText(smallCudaPlan('*/ int x; /* "\\\n' + "?" + "?/"));
  expect(text.slice(0, text.indexOf("#include"))).toContain("* / int x; / *");
  expect(text).toContain(String.raw`\"model\":\"*/ int x; /* \\\"\\\\\\n\?\?/\"`);
});

test("no line is longer than a reader's window", () => {
  const lines = modelText(smallCudaPlan()).split("\n");
  expect(lines.filter((line) => line.length > 110 && !line.includes('return "{'))).toEqual([]);
});

test("parallel loops that follow each other are kernels that follow each other", () => {
  const concat = coreRegistry.require("concat");
  const operands = [tensor("f32", "T", 3), tensor("f32", "T", 5)];
  const attrs = { axis: 1 };
  const kernel = loopKernel(concat, operands, attrs, inferType(concat, operands, attrs));
  const { text } = printLoopKernelCuda(kernel, "join");
  expect(text.match(/static __global__/g)).toHaveLength(2);
  expect(text).toMatch(/launch_units\(s, join_kernel_1, .*\n.*launch_units\(s, join_kernel_2, /);
});
