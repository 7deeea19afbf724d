// Runs kernels on real machine code: one C program that holds every case, compiled once for each set of
// options, reads its operands from a file and writes its results to another. In a process of its own, so that
// a crash is a failed test and no more.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { CKernelRow } from "../../../backends/c/kernel-row.js";
import { TextWriter } from "../../../src/base/index.js";
import { cElementType, printLoopKernelC } from "../../../src/codegen/index.js";
import type { DType, KvCacheType, KvCacheValue, OpRecord, TensorValue, ValueType } from "../../../src/ir/index.js";
import {
  cacheParts, concreteType, dtypeBytes, elementCount, kvScaleBytes, partOffset, roundToCodes, serializeValue,
  typeBytes,
} from "../../../src/ir/index.js";
import { loopKernel } from "../../../src/loops/index.js";
import type { KernelCase as AnyCase } from "../../support/kernel-cases.js";
import type { PrintedKernels } from "../../support/kernel-programs.js";
import { includeKernel, operandOfBuffer } from "../../support/kernel-programs.js";
import { numbersFrom } from "../../support/stored-numbers.js";

export const sourceRoot = fileURLToPath(new URL("../../../backends/c", import.meta.url));

/** The C compiler, or undefined with the reason printed. */
export function findTestCompiler(): string | undefined {
  for (const command of ["gcc", "clang", "cc"]) {
    if (spawnSync(command, ["--version"]).status === 0) return command;
  }
  process.stderr.write("skipped: tests that run compiled kernels, because no C compiler can be started\n");
  return undefined;
}

/** A row with `instance` runs its source file, any other record its loop form. */
export interface KernelCase extends AnyCase {
  readonly record: OpRecord | CKernelRow;
}

export interface BuildOptions {
  readonly compiler: string;
  readonly flags: readonly string[];
  /** What starts a program of another processor. */
  readonly emulator?: string | undefined;
}

/** A command where it can be started; else says what is skipped. */
export function findTool(command: string, what: string): string | undefined {
  if (spawnSync(command, ["--version"]).status === 0) return command;
  process.stderr.write(`skipped: ${what}, because ${command} cannot be started\n`);
  return undefined;
}

export interface Harness {
  /** Results in the order of the cases: a tensor's data, or keys followed by values. */
  run(threads: number): readonly Float32Array[];
  close(): void;
}

/** The options that the target itself uses, but for the machine. */
const common = ["-std=c11", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra", "-Werror"];

export function buildHarness(cases: readonly KernelCase[], options: BuildOptions): Harness {
  const { compiler, flags, emulator } = options;
  const folder = mkdtempSync(join(tmpdir(), "llmir-kernels-"));
  const layout = layOut(cases);
  writeFileSync(join(folder, "harness.c"), printHarness(cases, layout));
  writeFileSync(join(folder, "input.bin"), inputBytes(cases, layout));
  const program = join(folder, "harness");
  const sources = [join(folder, "harness.c"), join(sourceRoot, "runtime/pool.c")];
  execFileSync(compiler, [...common, ...flags, `-I${sourceRoot}`, ...sources, "-o", program, "-pthread", "-lm"], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return {
    run: (threads) => {
      const output = join(folder, `output-${threads}.bin`);
      const words = [...(emulator === undefined ? [] : [emulator]), program, join(folder, "input.bin"), output];
      const ran = spawnSync(words[0] ?? "", [...words.slice(1), String(threads)], { encoding: "utf8" });
      if (ran.status !== 0) throw new Error(`the harness ended with ${ran.status ?? ran.signal}: ${ran.stderr}`);
      return readResults(cases, layout, readFileSync(output));
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/* ---- Layout ---- */

interface Layout {
  /** Offset of each operand of each case in the input; -1 for caches, which lie in the output. */
  readonly operands: readonly (readonly number[])[];
  readonly inputBytes: number;
  /** Offset of each case's result (or cache) in the output. */
  readonly results: readonly number[];
  readonly outputBytes: number;
  /** Where each case's frequencies, tables and caches are read from, when it has a cache. */
  readonly caches: readonly number[];
}

const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64;

function layOut(cases: readonly KernelCase[]): Layout {
  let [inputBytes, outputBytes] = [0, 0];
  const operands = cases.map(({ operands }) =>
    operands.map((value) => {
      if (value.kind === "kv_cache") return -1;
      const at = inputBytes;
      inputBytes += aligned(serializeValue(value).length);
      return at;
    }),
  );
  const caches = cases.map(({ operands }) => {
    const cache = operands.find((value) => value.kind === "kv_cache");
    if (cache?.kind !== "kv_cache") return -1;
    const at = outputBytes;
    outputBytes += 2 * aligned(halfBytes(cache));
    return at;
  });
  const results = cases.map(({ result, dims }, i) => {
    if (result.kind === "kv_cache") return caches[i]!;
    const at = outputBytes;
    outputBytes += aligned(typeBytes(concreteType(result, dims)));
    return at;
  });
  return { operands, inputBytes, results, outputBytes, caches };
}

/** Keys, or values: their elements, and behind them from a line of its own their scales. */
function halfBytes({ type, keys }: KvCacheValue): number {
  return scalesStart(type, keys.length) + (keys.length / type.headDim) * kvScaleBytes(type);
}

function scalesStart({ dtype }: KvCacheType, elements: number): number {
  return aligned(elements * dtypeBytes(dtype));
}

function storeHalf(type: KvCacheType, half: Float32Array): Uint8Array {
  const store = (dtype: DType, data: Float32Array | Int8Array): Uint8Array =>
    serializeValue({ kind: "tensor", dtype, shape: [data.length], data } as TensorValue);
  if (type.dtype !== "i8") return store(type.dtype, half);
  const codes = new Int8Array(half.length);
  const scales = Float32Array.from({ length: half.length / type.headDim }, (_, head) => {
    const rounded = roundToCodes(half.subarray(head * type.headDim, (head + 1) * type.headDim));
    codes.set(rounded.codes, head * type.headDim);
    return rounded.scale;
  });
  const bytes = new Uint8Array(scalesStart(type, half.length) + 4 * scales.length);
  bytes.set(store("i8", codes));
  bytes.set(store("f32", scales), scalesStart(type, half.length));
  return bytes;
}

function readHalf(type: KvCacheType, count: number, bytes: Buffer, at: number): readonly number[] {
  const elements = [...numbersFrom(bytes, type.dtype, count, at)];
  if (type.dtype !== "i8") return elements;
  const scales = [...numbersFrom(bytes, "f32", count / type.headDim, at + scalesStart(type, count))];
  return elements.map((code, i) => code * scales[Math.floor(i / type.headDim)]!);
}

/** Operands, then what the output holds at first: caches, and a pattern where results go. */
function inputBytes(cases: readonly KernelCase[], layout: Layout): Uint8Array {
  const bytes = new Uint8Array(layout.inputBytes + layout.outputBytes).fill(0xff, layout.inputBytes);
  cases.forEach(({ operands }, i) =>
    operands.forEach((value, k) => {
      if (value.kind !== "kv_cache") {
        bytes.set(serializeValue(value), layout.operands[i]![k]!);
        return;
      }
      [value.keys, value.values].forEach((half, part) => {
        const start = layout.inputBytes + layout.caches[i]!;
        bytes.set(storeHalf(value.type, half), start + part * aligned(halfBytes(value)));
      });
    }),
  );
  return bytes;
}

function readResults(cases: readonly KernelCase[], layout: Layout, bytes: Buffer): readonly Float32Array[] {
  return cases.map(({ result, dims, operands }, i) => {
    const at = layout.results[i]!;
    if (result.kind === "tensor") {
      return Float32Array.from(numbersFrom(bytes, result.dtype, elementCount(result.shape, dims), at));
    }
    const cache = operands.find((value) => value.kind === "kv_cache");
    if (cache?.kind !== "kv_cache") throw new Error("a result is a tensor or a cache");
    const starts = [at, at + aligned(halfBytes(cache))];
    const count = cache.keys.length;
    return Float32Array.from(starts.flatMap((start) => readHalf(cache.type, count, bytes, start)));
  });
}

/* ---- The program ---- */

function printHarness(cases: readonly KernelCase[], layout: Layout): string {
  const out = new TextWriter();
  out.line("#define _GNU_SOURCE");
  for (const header of ["stdio.h", "stdlib.h"]) out.line(`#include <${header}>`);
  for (const header of ["pool.h", "numbers.h", "vector.h"]) out.line(`#include "runtime/${header}"`);
  const printed: PrintedKernels = new Map();
  let [scratch, shared] = [0, 0];
  const calls = cases.map((each, i) => {
    const { call, scratchFloats, sharedBytes = 0 } = printKernel(each, i, { layout, printed, out });
    [scratch, shared] = [Math.max(scratch, 4 * scratchFloats), Math.max(shared, sharedBytes)];
    out.block(`static void case_${i}(const Step *s, const Worker *w) {`, () => {
      out.line("(void)s;").line(call).line("barrier(w);");
    });
    return stepText(each, i, layout);
  });
  out.block("void llmir_program(const Step *base, const Worker *w) {", () => calls.forEach((call) => out.line(call)));
  printMain(layout, { scratch, shared }, out);
  return out.toString();
}

/** Calls a case with a step whose cache is the case's own. */
function stepText({ operands, dims }: KernelCase, i: number, { caches }: Layout): string {
  const cache = operands.find((value) => value.kind === "kv_cache");
  const field = (name: string, place: number): string => `.${name} = (void *)(base->arena + ${place})`;
  const fieldsOf = (value: KvCacheValue): string => {
    const [keys, values] = [caches[i]!, caches[i]! + aligned(halfBytes(value))];
    const scales = scalesStart(value.type, value.keys.length);
    const pools = [
      field("keys", keys), field("values", values), field("key_scales", keys + scales), field("value_scales", values + scales),
    ];
    return `, ${pools.join(", ")}, .P = ${value.blocks}, .B = ${dims["B"] ?? 1}`;
  };
  const fields = cache?.kind === "kv_cache" ? fieldsOf(cache) : "";
  return `case_${i}(&(const Step){.weights = base->weights, .arena = base->arena${fields}}, w);`;
}

interface Printing {
  readonly layout: Layout;
  readonly printed: PrintedKernels;
  readonly out: TextWriter;
}

interface PrintedCall {
  readonly call: string;
  readonly scratchFloats: number;
  readonly sharedBytes?: number | undefined;
}

function printKernel(each: KernelCase, i: number, { layout, printed, out }: Printing): PrintedCall {
  const { record, operandTypes, attrs, result, dims } = each;
  const pointer = (type: ValueType, k: number): string => {
    if (type.kind === "kv_cache") return "NULL";
    if (type.kind !== "tensor") return `(const void *)(s->weights + ${layout.operands[i]![k]!})`;
    return `(const ${cElementType(type.dtype)} *)(const void *)(s->weights + ${layout.operands[i]![k]!})`;
  };
  const place = `(void *)(s->arena + ${layout.results[i]!})`;
  const resultText = result.kind === "tensor" ? `(${cElementType(result.dtype)} *)${place}` : "NULL";
  const dim = (name: number | string): string => String(typeof name === "number" ? name : dims[name]);
  if ("instance" in record && record.instance !== undefined) {
    const instance = record.instance(operandTypes, attrs, result);
    const name = includeKernel(instance, printed, out);
    const args = operandTypes.map((type, k) => ({ text: pointer(type, k), scalar: `*${pointer(type, k)}`, type }));
    const texts = instance.call(args, { text: resultText, scalar: "0", type: result }, dim);
    const { scratchFloats, sharedBytes } = instance;
    return { call: `${name}(w, ${texts.join(", ")});`, scratchFloats, sharedBytes };
  }
  const loops = printLoopKernelC(loopKernel(record, operandTypes, attrs, result), `loops_${i}`);
  out.line(loops.text.trimEnd());
  const buffers = loops.buffers.map(({ name }) => bufferText(each, name, { pointer, resultText }));
  const dimTexts = loops.dims.map((name) => (name === "P" ? "s->P" : dim(name)));
  return { call: `loops_${i}(${["w", ...dimTexts, ...buffers].join(", ")});`, scratchFloats: 0 };
}

function bufferText(
  each: KernelCase,
  buffer: string,
  { pointer, resultText }: { pointer: (type: ValueType, k: number) => string; resultText: string },
): string {
  const owner = operandOfBuffer(each, buffer);
  if (owner === undefined) return resultText;
  const { operand, part } = owner;
  const type = each.operandTypes[operand]!;
  if (type.kind === "kv_cache") return `s->${cacheParts(type)[part]?.name ?? ""}`;
  if (type.kind !== "quantized") return pointer(type, operand);
  const codes = `((const int8_t *)${pointer(type, operand)})`;
  return part === 0 ? codes : `(const void *)(${codes} + ${partOffset(type, part)})`;
}

interface ThreadMemory {
  readonly scratch: number;
  readonly shared: number;
}

function printMain(layout: Layout, { scratch, shared }: ThreadMemory, out: TextWriter): void {
  const { inputBytes: input, outputBytes: output } = layout;
  out.block("static unsigned char *take(size_t bytes) {", () => {
    out.line("void *memory = NULL;");
    out.line("return posix_memalign(&memory, 64, bytes + 64) == 0 ? memory : NULL;");
  });
  out.block("int main(int argc, char **argv) {", () => {
    out.line("if (argc != 4) return 2;");
    out.line(`unsigned char *const input = take(${input}), *const output = take(${output});`);
    out.line('FILE *file = fopen(argv[1], "rb");');
    out.line("if (input == NULL || output == NULL || file == NULL) return 3;");
    out.line(`if (fread(input, 1, ${input}, file) != ${input} || fread(output, 1, ${output}, file) != ${output}) return 4;`);
    out.line("fclose(file);");
    out.line(`llmir_pool *const pool = llmir_pool_open(atoi(argv[3]), ${scratch}, ${shared});`);
    out.line("const Step step = {.weights = input, .arena = output};");
    out.line("llmir_pool_run(pool, &step, atoi(argv[3]));");
    out.line("llmir_pool_close(pool);");
    out.line('file = fopen(argv[2], "wb");');
    out.line(`if (file == NULL || fwrite(output, 1, ${output}, file) != ${output} || fclose(file) != 0) return 5;`);
    out.line("free(input);").line("free(output);");
    out.line("return 0;");
  });
}
