/**
 * What a target is: a table of kernels, an emitter, a build step, and what it can say of a machine. Adding a
 * target is adding a folder under `backends/`, a row in `src/compiler/targets.ts`, and a lowering rule file
 * (docs/recipes/add-a-target.md).
 */

import type { Host } from "../base/index.js";
import type { KernelFamily, MachineMeasurements } from "../cost/index.js";
import type { Attrs, CacheDType, OpRecord, ValueType } from "../ir/index.js";
import type { CopyCall, KernelCall, ProgramPlan } from "../plan/index.js";

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
  /** What built it, with its version: a compiler, or the emitter itself. */
  readonly compiler: string;
  /** The command that ran; empty for a target that has nothing to compile. */
  readonly command: readonly string[];
  /** What the executor opens, in the folder that was built: a library, or the description of a program. */
  readonly programPath: string;
}

/** What a person chose for the target itself. */
export interface TargetSettings {
  /** A row of `capabilities.architectures`; undefined takes what suits the machine. */
  readonly arch: string | undefined;
}

/** What the target's programs are like, for the stages that treat all targets alike. */
export interface Capabilities {
  /** Who opens what `build` made (src/runtime/executors.ts). */
  readonly executor: "library" | "webgpu";
  /** True when plans are priced for the processors of the host: cores and caches are asked of it. */
  readonly runsOnHost: boolean;
  /** Processors that one can build for, in the compiler's words; empty where there is no choice. */
  readonly architectures: readonly string[];
  /**
   * Bytes of a constant that a fused kernel can see at once; absent where there is no such limit. Tuned
   * kernels may take more, in parts.
   */
  readonly bindingBytes?: number;
  /** Optional features of its devices that kernels may need; absent for none. */
  readonly features?: readonly string[];
  /** What its KV cache may hold. */
  readonly cacheDtypes: readonly CacheDType[];
}

/** Whether one thing can be done on this machine. */
export type Ability =
  /** `by`: the compiler, the driver or the device that does it. */
  | { readonly ok: true; readonly by: string }
  | { readonly ok: false; readonly why: string; readonly hint: string };

export interface Availability {
  readonly build: Ability;
  /** As far as a host can tell; where a device must be opened, src/runtime/executors.ts knows more. */
  readonly run: Ability;
}

/** Why a plan cannot run on a target, with the figure: a limit that its buffers exceed. */
export interface PlanRefusal {
  readonly message: string;
  readonly hint: string;
}

/** What a device is given to do, where a kernel of the plan may be several of it. */
export interface Launches {
  /** `dispatch`, and its plural. */
  readonly noun: readonly [one: string, many: string];
  /** Of one call in the scenario that is sized for so many tokens. */
  count(call: KernelCall | CopyCall, plan: ProgramPlan, tokens: number): number;
}

/** What a target is asked to measure of this machine. */
export interface MeasureRequest {
  /** For what has to be compiled. */
  readonly folder: string;
  readonly threads: number;
  /** Bytes that one thread may count on in each level of cache. */
  readonly cacheSizes: readonly number[];
}

export interface Backend {
  readonly name: string;
  /** One line for people. */
  readonly doc: string;
  readonly capabilities: Capabilities;
  /** Descriptions in `backends/<name>/hardware/`, the one that plans are priced with by default first. */
  readonly hardware: readonly string[];
  readonly kernels: readonly KernelRow[];
  /** Rule files of this target, relative to `rules/`. */
  readonly ruleFiles: readonly string[];
  /** Absent where a call of a kernel is all there is to count. */
  readonly launches?: Launches;
  /** Limits of the target that a plan exceeds; absent where memory is the only one. */
  readonly refuses?: (plan: ProgramPlan) => readonly PlanRefusal[];
  /** Reads kernels' source files through `readAsset(path relative to the package root)`. Deterministic. */
  emit(plan: ProgramPlan, readAsset: (path: string) => string): readonly EmittedFile[];
  /** The first page of the weight file: what the target's runtime checks before it reads the rest. */
  weightHeader(plan: ProgramPlan): Uint8Array;
  /** Compiles an emitted folder. Throws `HostError` with a hint when there is no compiler or it fails. */
  build(host: Host, folder: string, settings: TargetSettings): Promise<BuildReport>;
  /** What this machine can do with the target, and why not. Starts compilers, opens no device. */
  availability(host: Host): Promise<Availability>;
  /** Measures the processors that run its programs. Absent where it cannot. Throws as `build` does. */
  readonly measure?: (host: Host, request: MeasureRequest) => Promise<MachineMeasurements>;
}
