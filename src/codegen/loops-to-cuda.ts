/**
 * Prints a loop kernel as CUDA: threads take the iterations of the outermost parallel loops, everything
 * inside is one thread's own. Parallel loops that follow each other become kernels that follow each other on
 * the stream, so that each finds what the one before it wrote. Rows that are folded have a block each, whose
 * threads share them (`src/loops/schedule-workgroups.ts`). Needs launch.cuh and numbers.cuh.
 */

import { at, TextWriter } from "../base/index.js";
import type { LoopBuffer, LoopKernel, Statement } from "../ir/index.js";
import { parallelChain, scheduleWorkgroups, workgroupOf } from "../loops/index.js";
import { printList } from "./c-lists.js";
import { cIdentifier } from "./c-names.js";
import type { PrintedLoops } from "./loops-to-c.js";
import { cElementType, countText, printBody, printIndices } from "./loops-to-c.js";
import type { CScope } from "./scalars-to-c.js";

/**
 * The kernels, and a host function under a name that the caller has made unique: it takes the step, the
 * dimensions and the buffers, and launches them.
 */
export function printLoopKernelCuda(plain: LoopKernel, name: string): PrintedLoops {
  const kernel = scheduled(plain);
  const bodies = partsOf(kernel.body);
  const parts = bodies.map((body, i) =>
    printPart(body, kernel.buffers, `${name}_kernel${bodies.length === 1 ? "" : `_${i + 1}`}`),
  );
  const dims = [...new Set(parts.flatMap((part) => [...part.dims, ...part.unitDims]))].sort();
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
export function cudaLaunches(kernel: LoopKernel): number {
  return partsOf(scheduled(kernel).body).length;
}

/** Threads of the block of a row. */
const ROW_THREADS = 128;

/** Loops over different rows stay apart: each fills the device. */
function scheduled(kernel: LoopKernel): LoopKernel {
  const made = scheduleWorkgroups(kernel, ROW_THREADS);
  return parallelChain(made.body).length === 0 ? kernel : made;
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
  /** Dimensions in `units`. */
  readonly unitDims: readonly string[];
  /** Threads of a block that is one unit; undefined when a unit is a thread's. */
  readonly lanes: number | undefined;
}

function printPart(body: readonly Statement[], all: readonly LoopBuffer[], name: string): Part {
  const group = workgroupOf(body);
  const buffersAndMemory = [...all, ...onChipBuffers(group?.body ?? [])];
  const scope: CScope = { buffers: buffersAndMemory, locals: new Map(), dims: new Set(), read: new Set() };
  const chain = parallelChain(body);
  // A block that is one unit need not know how many there are.
  const unitDims = group === undefined ? scope.dims : new Set<string>();
  const units = chain.length === 0 ? undefined : countText(chain, { ...scope, dims: unitDims });
  const inner = new TextWriter();
  inner.indented(() => {
    if (units === undefined) {
      printBody(body, scope, inner);
      return;
    }
    if (group !== undefined) {
      inner.line(`const int64_t ${cIdentifier(group.index)} = threadIdx.x, unit = blockIdx.x;`);
      printIndices(chain, "unit", scope, inner);
      printBody(group.body, scope, inner);
      return;
    }
    inner.block(`for (int64_t unit = first_unit(); unit < ${units}; unit += unit_stride()) {`, () => {
      printIndices(chain, "unit", scope, inner);
      printBody(at(chain, chain.length - 1).body, scope, inner);
    });
  });
  const lanes = group === undefined ? undefined : Number(group.extent);
  const dims = [...scope.dims].sort();
  const buffers = all.filter((each) => scope.read.has(each.name));
  const out = new TextWriter();
  const bounds = `__launch_bounds__(${lanes ?? "UNIT_THREADS"})`;
  printList(`static __global__ void ${bounds} ${name}(`, parameters(dims, buffers), ") {", out);
  return { name, text: `${out.toString()}${inner.toString()}}\n`, dims, buffers, units, unitDims: [...unitDims], lanes };
}

function onChipBuffers(body: readonly Statement[]): readonly LoopBuffer[] {
  return body.flatMap((each) => (each.kind === "shared" ? [{ ...each, access: "update" as const }] : []));
}

function printLaunch({ name, dims, buffers, units, lanes }: Part, out: TextWriter): void {
  const names = [...dims, ...buffers.map((each) => cIdentifier(each.name))];
  if (units === undefined) printList("launch(", ["s", name, "1", "1", ...names], ");", out);
  else if (lanes !== undefined) printList("launch(", ["s", name, units, String(lanes), ...names], ");", out);
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
