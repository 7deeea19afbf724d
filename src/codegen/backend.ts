/**
 * What a target is: a table of kernels, an emitter, a build step. Adding a target is adding a folder
 * under `backends/`, a row in `src/compiler/backends.ts`, and a lowering rule file.
 */

import type { Host } from "../base/index.js";
import type { KernelFamily } from "../cost/index.js";
import type { Attrs, OpRecord, ValueType } from "../ir/index.js";
import type { ProgramPlan } from "../plan/index.js";

/**
 * A kernel: an op that only this target can run. Its record gives types, meaning and work like any op;
 * the row adds what the cost model and the emitter need. `rules/lower/<target>.rules` selects it.
 */
export interface KernelRow extends OpRecord {
  /** Which coefficients of the hardware description price it. */
  readonly family: KernelFamily;
  /** Why these operands cannot be taken (too large a head, an odd group), or undefined. */
  readonly refuses?: (operands: readonly ValueType[], attrs: Attrs) => string | undefined;
}

/** One file of an artifact. */
export interface EmittedFile {
  /** Relative to the artifact's folder, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface BuildReport {
  /** The compiler that was used, with its version. */
  readonly compiler: string;
  readonly command: readonly string[];
  readonly libraryPath: string;
}

export interface Backend {
  readonly name: string;
  readonly kernels: readonly KernelRow[];
  /** Rule files of this target, relative to `rules/`. */
  readonly ruleFiles: readonly string[];
  /** Reads kernels' source files through `readAsset(path relative to the package root)`. Deterministic. */
  emit(plan: ProgramPlan, readAsset: (path: string) => string): readonly EmittedFile[];
  /** The first page of the weight file: what the target's runtime checks before it maps the rest. */
  weightHeader(plan: ProgramPlan): Uint8Array;
  /** Compiles an emitted folder. Throws `HostError` with a hint when there is no compiler or it fails. */
  build(host: Host, folder: string): Promise<BuildReport>;
}
