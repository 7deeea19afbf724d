// Runs kernels as compiled code: one program that holds every case, reads operands from a file, copies each
// to memory of its own on the device, launches, and writes the results to another file. Compiled by nvcc it
// runs on a GPU, by the stand-in of `emulate/` on the CPU. In a process of its own, so that a crash is a
// failed test and no more.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { TextWriter } from "../../../src/base/index.js";
import type { CudaArgument } from "../../../backends/cuda/kernel-row.js";
import { cElementType, printLoopKernelCuda } from "../../../src/codegen/index.js";
import type { TensorType, Value, ValueType } from "../../../src/ir/index.js";
import {
  concreteType, elementCount, partOffset, quantizedParts, serializeValue, tensor, typeBytes,
} from "../../../src/ir/index.js";
import { loopKernel } from "../../../src/loops/index.js";
import type { PrintedKernels } from "../../support/kernel-programs.js";
import { includeKernel, operandOfBuffer } from "../../support/kernel-programs.js";
import { numbersFrom } from "../../support/stored-numbers.js";
import type { KernelCase } from "./kernel-cases.js";

export const sourceRoot = fileURLToPath(new URL("../../../backends/cuda", import.meta.url));

export interface Toolchain {
  readonly command: string;
  readonly args: readonly string[];
}

export interface Harness {
  /** Results in the order of the cases: a tensor's data, or keys followed by values. */
  run(environment?: Readonly<Record<string, string>>): readonly Float32Array[];
  close(): void;
}

export function buildHarness(cases: readonly KernelCase[], { command, args }: Toolchain): Harness {
  const folder = mkdtempSync(join(tmpdir(), "llmir-cuda-"));
  const [source, input, program] = ["harness.cu", "input.bin", "harness"].map((name) => join(folder, name)) as [
    string, string, string,
  ];
  writeFileSync(source, printHarness(cases));
  writeFileSync(input, Buffer.concat(cases.flatMap(({ operands }) => operands.map(operandBytes))));
  const built = spawnSync(command, [...args, `-I${sourceRoot}`, source, "-o", program], { encoding: "utf8" });
  if (built.status !== 0) throw new Error(`${command} refused the harness:\n${built.stderr}${built.stdout}`);
  return {
    run: (environment = {}) => {
      const output = join(folder, "output.bin");
      const ran = spawnSync(program, [input, output], { encoding: "utf8", env: { ...process.env, ...environment } });
      if (ran.status !== 0) throw new Error(`the harness ended with ${ran.status ?? ran.signal}: ${ran.stderr}${ran.stdout}`);
      return readResults(cases, readFileSync(output));
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/* ---- Operands and results ---- */

/** A cache is its keys, then its values. */
function operandBytes(value: Value): Uint8Array {
  if (value.kind !== "kv_cache") return serializeValue(value);
  const { dtype } = value.type;
  const halves = [value.keys, value.values].map((data) => serializeValue({ kind: "tensor", dtype, shape: [data.length], data }));
  return Buffer.concat(halves);
}

/** What a case writes, as flat tensors: its result, or the two halves of its cache. */
function resultTypes({ result, operands, dims }: KernelCase): readonly TensorType[] {
  if (result.kind === "tensor") return [concreteType(result, dims)];
  const cache = operands.find((value) => value.kind === "kv_cache");
  if (cache?.kind !== "kv_cache") throw new Error("a result is a tensor or a cache");
  const half = tensor(cache.type.dtype, cache.keys.length);
  return [half, half];
}

function readResults(cases: readonly KernelCase[], bytes: Buffer): readonly Float32Array[] {
  let at = 0;
  return cases.map((each) => {
    const parts = resultTypes(each).map((type) => {
      const numbers = numbersFrom(bytes, type.dtype, elementCount(type.shape), at);
      at += typeBytes(type);
      return numbers;
    });
    return Float32Array.from(parts.flat());
  });
}

/* ---- The program ---- */

const helpers = `
static void check(cudaError_t error) {
  if (error == cudaSuccess) return;
  fprintf(stderr, "%s\\n", cudaGetErrorString(error));
  exit(3);
}

/* The next bytes of the input, in memory of their own. */
static void *take(FILE *input, size_t bytes) {
  void *host = malloc(bytes + 1), *device = NULL;
  if (fread(host, 1, bytes, input) != bytes) exit(4);
  check(cudaMalloc(&device, bytes));
  check(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice));
  free(host);
  return device;
}

static void *place(size_t bytes) {
  void *device = NULL;
  check(cudaMalloc(&device, bytes));
  check(cudaMemset(device, 0xff, bytes));
  return device;
}

static void give(FILE *output, const void *device, size_t bytes) {
  void *host = malloc(bytes + 1);
  check(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost));
  if (fwrite(host, 1, bytes, output) != bytes) exit(5);
  free(host);
}
`;

function printHarness(cases: readonly KernelCase[]): string {
  const out = new TextWriter();
  for (const header of ["stdio.h", "stdlib.h"]) out.line(`#include <${header}>`);
  for (const part of ["launch", "numbers"]) out.line(`#include "runtime/${part}.cuh"`);
  for (const part of ["matmul-rows", "matmul-tiles", "paged-cache", "rotation"]) out.line(`#include "kernels/${part}.cuh"`);
  out.line(helpers);
  const printed: PrintedKernels = new Map();
  cases.forEach((each, i) => printCase(each, i, { printed, out }));
  out.block("int main(int argc, char **argv) {", () => {
    out.line("if (argc != 3) return 2;");
    out.line('FILE *const input = fopen(argv[1], "rb"), *const output = fopen(argv[2], "wb");');
    out.line("if (input == NULL || output == NULL) return 2;");
    cases.forEach((_, i) => out.line(`case_${i}(input, output);`));
    out.line("return fclose(input) != 0 || fclose(output) != 0;");
  });
  return out.toString();
}

interface Printing {
  readonly printed: PrintedKernels;
  readonly out: TextWriter;
}

function printCase(each: KernelCase, i: number, printing: Printing): void {
  const { operands } = each;
  const { out } = printing;
  const call = callText(each, i, printing);
  out.line(`/* ${each.title} */`);
  out.block(`static void case_${i}(FILE *input, FILE *output) {`, () => {
    out.line("cudaError_t fault = cudaSuccess;");
    out.line("Step step = {};");
    out.line("const Step *const s = &step;");
    out.line("step.fault = &fault;");
    operands.forEach((value, k) => {
      const bytes = operandBytes(value).length;
      if (value.kind !== "kv_cache") {
        out.line(`void *const operand_${k} = take(input, ${bytes});`);
        return;
      }
      out.line(`step.keys = take(input, ${bytes / 2});`).line(`step.values = take(input, ${bytes / 2});`);
      out.line(`step.P = ${value.blocks};`).line(`step.B = ${each.dims["B"] ?? 1};`);
    });
    const types = resultTypes(each);
    if (types.length === 1) out.line(`void *const result = place(${typeBytes(types[0]!)});`);
    out.line(call);
    out.line("check(fault);");
    out.line("check(cudaDeviceSynchronize());");
    types.forEach((type, part) => {
      const from = types.length === 1 ? "result" : part === 0 ? "step.keys" : "step.values";
      out.line(`give(output, ${from}, ${typeBytes(type)});`);
    });
    operands.forEach((value, k) => value.kind !== "kv_cache" && out.line(`cudaFree(operand_${k});`));
    const left = [...(types.length === 1 ? ["result"] : []), "step.keys", "step.values"];
    for (const memory of left) out.line(`cudaFree(${memory});`);
  });
}

function callText(each: KernelCase, i: number, { printed, out }: Printing): string {
  const { record, operandTypes, attrs, result, dims } = each;
  const dim = (name: number | string): string => String(typeof name === "number" ? name : dims[name]);
  if ("instance" in record && record.instance !== undefined) {
    const instance = record.instance(operandTypes, attrs, result);
    const name = includeKernel(instance, printed, out);
    const args = operandTypes.map((type, k) => argument(type, `operand_${k}`));
    const texts = instance.call(args, argument(result, "result"), dim);
    return `${name}(${["s", ...texts].join(", ")});`;
  }
  const loops = printLoopKernelCuda(loopKernel(record, operandTypes, attrs, result), `loops_${i}`);
  out.line(loops.text.trimEnd());
  const buffers = loops.buffers.map(({ name }) => bufferText(each, name));
  return `loops_${i}(${["s", ...loops.dims.map((name) => (name === "P" ? "s->P" : dim(name))), ...buffers].join(", ")});`;
}

function argument(type: ValueType, name: string): CudaArgument {
  return { text: typed(type, name), scalar: undefined, type };
}

function typed(type: ValueType, name: string): string {
  if (type.kind === "kv_cache") return "NULL";
  return type.kind === "tensor" ? `(${cElementType(type.dtype)} *)${name}` : name;
}

function bufferText(each: KernelCase, buffer: string): string {
  const owner = operandOfBuffer(each, buffer);
  if (owner === undefined) return typed(each.result, "result");
  const { operand, part } = owner;
  const type = each.operandTypes[operand]!;
  if (type.kind === "kv_cache") return `(${cElementType(type.dtype)} *)s->${part === 0 ? "keys" : "values"}`;
  if (type.kind !== "quantized") return typed(type, `operand_${operand}`);
  const codes = `(const int8_t *)operand_${operand}`;
  const { dtype } = quantizedParts(type)[part]!;
  return part === 0 ? codes : `(const ${cElementType(dtype)} *)(${codes} + ${partOffset(type, part)})`;
}
