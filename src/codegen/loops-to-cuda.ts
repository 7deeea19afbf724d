/**
 * Prints a loop kernel as CUDA: threads take the iterations of the outermost parallel loops, everything
 * inside is one thread's own. Parallel loops that follow each other become kernels that follow each other on
 * the stream, so that each finds what the one before it wrote. Needs launch.cuh and numbers.cuh.
 */

import { at, TextWriter } from "../base/index.js";
import type { LoopBuffer, LoopKernel, Statement } from "../ir/index.js";
import { printList } from "./c-lists.js";
import { cIdentifier } from "./c-names.js";
import type { PrintedLoops } from "./loops-to-c.js";
import { cElementType, countText, parallelChain, printBody, printIndices } from "./loops-to-c.js";
import type { CScope } from "./scalars-to-c.js";

/**
 * The kernels, and a host function under a name that the caller has made unique: it takes the step, the
 * dimensions and the buffers, and launches them.
 */
export function printLoopKernelCuda(kernel: LoopKernel, name: string): PrintedLoops {
  const bodies = partsOf(kernel.body);
  const parts = bodies.map((body, i) =>
    printPart(body, kernel.buffers, `${name}_kernel${bodies.length === 1 ? "" : `_${i + 1}`}`),
  );
  const dims = [...new Set(parts.flatMap((part) => part.dims))].sort();
  const out = new TextWriter();
  for (const { text } of parts) out.line(text.trimEnd()).gap();
  printList(`LAUNCHER ${name}(`, ["const Step *s", ...parameters(dims, kernel.buffers)], ") {", out);
  out.indented(() => {
    for (const { name: buffer } of kernel.buffers) {
      if (!parts.some(({ buffers }) => buffers.some((each) => each.name === buffer))) out.line(`(void)${cIdentifier(buffer)};`);
    }
    for (const part of parts) printLaunch(part, out);
  });
  out.line("}");
  return { text: out.toString(), dims, buffers: kernel.buffers };
}

/** Kernels that a loop kernel is printed as. */
export function cudaLaunches({ body }: LoopKernel): number {
  return partsOf(body).length;
}

/** Parallel loops side by side, each by itself; anything else stays together. */
function partsOf(body: readonly Statement[]): readonly (readonly Statement[])[] {
  const isParallel = body.every((each) => each.kind === "for" && each.mode === "parallel");
  return isParallel ? body.map((each) => [each]) : [body];
}

interface Part {
  readonly name: string;
  readonly text: string;
  /** What it takes, in order. */
  readonly dims: readonly string[];
  readonly buffers: readonly LoopBuffer[];
  /** Iterations that threads share, as C; undefined when one thread does everything. */
  readonly units: string | undefined;
}

function printPart(body: readonly Statement[], all: readonly LoopBuffer[], name: string): Part {
  const scope: CScope = { buffers: all, locals: new Map(), dims: new Set(), read: new Set() };
  const chain = parallelChain(body);
  const units = chain.length === 0 ? undefined : countText(chain, scope);
  const inner = new TextWriter();
  inner.indented(() => {
    if (units === undefined) {
      printBody(body, scope, inner);
      return;
    }
    inner.block(`for (int64_t unit = first_unit(); unit < ${units}; unit += unit_stride()) {`, () => {
      printIndices(chain, "unit", scope, inner);
      printBody(at(chain, chain.length - 1).body, scope, inner);
    });
  });
  const dims = [...scope.dims].sort();
  const buffers = all.filter((each) => scope.read.has(each.name));
  const out = new TextWriter();
  printList(`static __global__ void __launch_bounds__(UNIT_THREADS) ${name}(`, parameters(dims, buffers), ") {", out);
  return { name, text: `${out.toString()}${inner.toString()}}\n`, dims, buffers, units };
}

function printLaunch({ name, dims, buffers, units }: Part, out: TextWriter): void {
  const names = [...dims, ...buffers.map((each) => cIdentifier(each.name))];
  if (units === undefined) printList("launch(", ["s", name, "1", "1", ...names], ");", out);
  else printList("launch_units(", ["s", name, units, ...names], ");", out);
}

function parameters(dims: readonly string[], buffers: readonly LoopBuffer[]): readonly string[] {
  return [...dims.map((dim) => `int64_t ${dim}`), ...buffers.map(parameterText)];
}

/** No two buffers overlap where one is written: the plan gives every value its own place. */
function parameterText({ name, dtype, access }: LoopBuffer): string {
  const pointer = access === "read" ? `const ${cElementType(dtype)} *` : `${cElementType(dtype)} *`;
  return `${pointer}__restrict__ ${cIdentifier(name)}`;
}
