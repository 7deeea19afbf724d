/** The table of targets: a folder under `backends/` and a row here. */

import { cBackend } from "../../backends/c/index.js";
import { cudaBackend } from "../../backends/cuda/index.js";
import { wgslBackend } from "../../backends/wgsl/index.js";
import type { Backend } from "../codegen/index.js";
import type { KernelFamily } from "../cost/index.js";
import { coreRegistry, typeBytes } from "../ir/index.js";
import type { Registry, ValueType } from "../ir/index.js";
import { FUSED, fusedRecord } from "../loops/index.js";
import type { TargetKernels } from "../optimizer/index.js";
import { loopRecords, LOOPS_PREFIX } from "../optimizer/index.js";

export const targets: readonly Backend[] = [cBackend, cudaBackend, wgslBackend];

export function findTarget(name: string): Backend | undefined {
  return targets.find((each) => each.name === name);
}

/** The core ops and the kernels of all targets, whose names start with the target's. */
export const everyTargetRegistry: Registry = coreRegistry.extend(targets.flatMap(({ kernels }) => kernels));

/** The ops of a program and a target's kernels: what rule files may name. */
export function targetRegistry(backend: Backend, ops: Registry = coreRegistry): Registry {
  return ops.extend(backend.kernels);
}

/** The ops that kernels are printed from: those of a program, and what fusions make of them. */
export function printedOps(ops: Registry = coreRegistry): Registry {
  return ops.extend([fusedRecord(ops)]);
}

/** A target as the optimizer sees it: its kernels, and a generated one for every op with a loop form. */
export function targetKernels(backend: Backend, ops: Registry = coreRegistry): TargetKernels {
  const rows = new Map(backend.kernels.map((row) => [row.name, row]));
  const familyOf = (op: string): KernelFamily | undefined =>
    op.startsWith(LOOPS_PREFIX) ? "loops" : rows.get(op)?.family;
  return {
    name: backend.name,
    registry: targetRegistry(backend, printedOps(ops)).extend(loopRecords(printedOps(ops))),
    familyOf,
    refuses: (op, operands, attrs) => {
      if (op === LOOPS_PREFIX + FUSED) return tooLarge(operands, backend.capabilities.bindingBytes);
      return rows.get(op)?.refuses?.(operands, attrs);
    },
  };
}

/** Of operands whose size is known; others are activations, which are bounded by what a step takes. */
function tooLarge(operands: readonly ValueType[], limitBytes = Infinity): string | undefined {
  const isSized = (type: ValueType): boolean =>
    type.kind !== "kv_cache" && type.shape.every((dim) => typeof dim === "number");
  const large = operands.some((type) => isSized(type) && typeBytes(type) > limitBytes);
  return large ? `a kernel of the target sees at most ${limitBytes} bytes of an operand` : undefined;
}
