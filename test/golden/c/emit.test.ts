// The emitted program of a small plan, reviewed as a diff. `npx vitest run test/golden -u` writes it anew.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { cBackend } from "../../../backends/c/index.js";
import type { EmittedFile } from "../../../src/codegen/index.js";
import type { ProgramPlan } from "../../../src/plan/index.js";
import { smallPlan } from "../../support/small-plan.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

function emit(plan: ProgramPlan): readonly EmittedFile[] {
  return cBackend.emit(plan, (path) => readFileSync(join(root, path), "utf8"));
}

function modelText(plan: ProgramPlan): string {
  return emit(plan).find(({ path }) => path === "model.c")?.text ?? "";
}

test("a small plan prints as it was reviewed", async () => {
  await expect(modelText(smallPlan())).toMatchFileSnapshot("small-model.c");
});

test("the files are the program, its runtime, and the kernels that it uses", () => {
  const paths = emit(smallPlan()).map(({ path }) => path);
  expect(paths).toEqual([
    "model.c",
    "kernels/attention-math.h",
    "kernels/attention-span.h",
    "kernels/attention-tile.h",
    "kernels/codes.h",
    "kernels/matmul-dense.h",
    "kernels/matmul-quantized.h",
    "kernels/matmul-threads.h",
    "kernels/matmul_bf16.h",
    "kernels/matmul_f16.h",
    "kernels/matmul_f32.h",
    "kernels/matmul_q4.h",
    "kernels/matmul_q8.h",
    "kernels/paged-cache.h",
    "kernels/paged_attention.h",
    "kernels/panel-tile.h",
    "kernels/rms_norm.h",
    "kernels/rope.h",
    "kernels/rope_append_kv.h",
    "kernels/rotation.h",
    "kernels/row-norm.h",
    "kernels/swiglu.h",
    "runtime/amx.h",
    "runtime/batch.h",
    "runtime/levels.c",
    "runtime/llmir.h",
    "runtime/main.c",
    "runtime/numbers.h",
    "runtime/pool.c",
    "runtime/pool.h",
    "runtime/program.h",
    "runtime/runtime.c",
    "runtime/vector.h",
    "runtime/worker.h",
  ]);
});

test("equal plans give equal bytes", () => {
  expect(emit(smallPlan())).toEqual(emit(smallPlan()));
});

test("a model's name cannot leave its comment or its string", () => {
  const text = modelText(smallPlan('*/ int x; /* "\\\n' + "?" + "?/"));
  expect(text.slice(0, text.indexOf("#include"))).toContain("* / int x; / *");
  expect(text).toContain(String.raw`\"model\":\"*/ int x; /* \\\"\\\\\\n\?\?/\"`);
});

test("no line is longer than a reader's window", () => {
  const lines = modelText(smallPlan()).split("\n");
  const long = lines.filter((line) => line.length > 110 && !line.includes('return "{'));
  expect(long).toEqual([]);
});

test("the number of functions does not depend on the number of layers", () => {
  const plan = smallPlan();
  const deepened = plan.functions.map((each) => ({ ...each, calls: each.calls.map(deepen) }));
  const deep = { ...plan, functions: deepened };
  const countFunctions = (text: string): number => text.match(/^[a-z].*\) \{$/gm)?.length ?? 0;
  expect(countFunctions(modelText(deep))).toBe(countFunctions(modelText(plan)));
});

function deepen(call: ProgramPlan["functions"][number]["calls"][number]): typeof call {
  return call.kind === "layers" ? { ...call, count: 80 } : call;
}
