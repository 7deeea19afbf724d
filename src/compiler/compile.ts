/**
 * The stages of a compilation, in the order a model travels through them. Each takes what the one
 * before it gave and says when it is done, so that a person sees progress and a dump can be taken.
 */

import type { Host } from "../base/index.js";
import type { Backend, EmittedFile } from "../codegen/index.js";
import type { HardwareDescription } from "../cost/index.js";
import type { Diagnostic, Result } from "../diagnostics/index.js";
import { diagnostic, didYouMean, failure, success } from "../diagnostics/index.js";
import type { ImportedModel } from "../frontend/index.js";
import { importModel } from "../frontend/index.js";
import type { CacheDType, Module, Registry, ValueType } from "../ir/index.js";
import { bitsPerWeight, coreRegistry, elementCount, typeBytes, verifyModule } from "../ir/index.js";
import type { Optimized } from "../optimizer/index.js";
import { chooseThreads, defaultScenarios, optimize } from "../optimizer/index.js";
import type { Capacity, ProgramPlan } from "../plan/index.js";
import { planProgram } from "../plan/index.js";
import type { RuleProgram } from "../rules/index.js";
import { withoutRules } from "../rules/index.js";
import type { CompileOptions } from "../artifacts/index.js";
import { DEFAULT_COMPILE_OPTIONS, DEFAULT_CONTEXT } from "../artifacts/index.js";
import { machineDescription } from "./machine.js";
import { loadTargetRules, readAsset } from "./rule-files.js";
import { judgeRules } from "./rule-verdicts.js";
import { findTarget, printedOps, targetKernels, targetRegistry, targets } from "./targets.js";

export type StageName = "import" | "rules" | "check" | "optimize" | "plan" | "emit" | "pack" | "build";

/** Told after each stage, and while a long one runs. */
export interface Progress {
  stage?(name: StageName, ms: number): void;
  /** `done` of `total` steps of a stage. */
  step?(name: StageName, done: number, total: number): void;
}

/** A compiled program before it is packed and built. */
export interface Compilation {
  readonly options: CompileOptions;
  readonly backend: Backend;
  readonly model: ImportedModel;
  readonly rules: RuleProgram;
  readonly optimized: Optimized;
  readonly plan: ProgramPlan;
  readonly files: readonly EmittedFile[];
}

/** Compiles a model folder, or a configuration alone, up to emitted source. Writes nothing. */
export function compileModel(
  host: Host,
  path: string,
  given: Partial<CompileOptions>,
  progress: Progress = {},
): Result<Compilation> {
  const options = { ...DEFAULT_COMPILE_OPTIONS, ...given };
  const backend = chosenTarget(options);
  if (!backend.ok) return backend;
  const imported = stageTimer(host, progress)("import", () => importWith(host, path, options));
  return imported.ok ? compileImported(host, imported.value, given, { progress }) : imported;
}

export interface ImportedContext {
  /** The ops of the module, where it uses more than the core ones. */
  readonly ops: Registry;
  readonly progress: Progress;
}

/** Compiles a graph that an importer, or a program, has made. Writes nothing. */
export function compileImported(
  host: Host,
  model: ImportedModel,
  given: Partial<CompileOptions>,
  { ops = coreRegistry, progress = {} }: Partial<ImportedContext> = {},
): Result<Compilation> {
  const options = { ...DEFAULT_COMPILE_OPTIONS, ...given };
  const target = chosenTarget(options);
  if (!target.ok) return target;
  const backend = target.value;
  const timed = stageTimer(host, progress);
  const warnings: Diagnostic[] = [];
  const rules = timed("rules", () => readRules(host, backend, options, ops));
  if (!rules.ok) return rules;
  warnings.push(...rules.diagnostics);
  const unchecked = judgeRules(host, rules.value, options);
  if (unchecked.some(({ severity }) => severity === "error")) {
    model.weights?.close();
    return failure(...unchecked);
  }
  warnings.push(...unchecked);
  const faults = verifyModule(model.module, targetRegistry(backend, ops));
  if (faults.length > 0) return failure(...faults);
  const machine = machineDescription(host, backend, options);
  const capacity = capacityFor(model, options);
  const optimizeOn = (hardware: HardwareDescription): Result<Optimized> =>
    optimize(model.module, {
      rules: rules.value,
      scenarios: defaultScenarios(capacity, options.blockSize),
      pricing: {
        target: targetKernels(backend, ops),
        hardware,
        residentBytes: residentBytes(model.module, options),
      },
      memoryBytes: options.memoryBytes,
      now: () => host.nowMs(),
    });
  const optimized = timed("optimize", () =>
    backend.capabilities.runsOnHost ? optimizeWithThreads(machine, optimizeOn) : optimizeOn(machine),
  );
  if (!optimized.ok) return optimized;
  const plan = timed("plan", () => planFor(model, capacity, { backend, ops, optimized: optimized.value }));
  if (plan.arenaBytes > MAX_ARENA_BYTES) return failure(arenaTooLarge(plan.arenaBytes));
  const refusals = backend.refuses?.(plan) ?? [];
  if (refusals.length > 0) {
    return failure(...refusals.map(({ message, hint }) => diagnostic("target/limit", message, { hint })));
  }
  const files = timed("emit", () => backend.emit(plan, (asset) => readAsset(host, asset)));
  return success(
    { options, backend, model, rules: rules.value, optimized: optimized.value, plan, files },
    warnings,
  );
}

/** Prices for all threads first; a program that fewer run faster is chosen again for those. */
function optimizeWithThreads(
  machine: HardwareDescription,
  optimizeOn: (hardware: HardwareDescription) => Result<Optimized>,
): Result<Optimized> {
  const first = optimizeOn(machine);
  if (!first.ok) return first;
  const threads = chooseThreads(first.value.selected, first.value.input.pricing);
  return threads === machine.threads ? first : optimizeOn({ ...machine, threads });
}

/** The machine that a compilation was priced for, with the threads that it will use. */
export function hardwareOf({ optimized }: Compilation): HardwareDescription {
  return optimized.input.pricing.hardware;
}

/** Address space that buffers of one step may take; pages that are never touched cost nothing. */
const MAX_ARENA_BYTES = 2 ** 40;

function stageTimer(host: Host, progress: Progress): <T>(name: StageName, run: () => T) => T {
  return (name, run) => {
    const started = host.nowMs();
    const result = run();
    progress.stage?.(name, host.nowMs() - started);
    return result;
  };
}

function chosenTarget({ target, arch, features, kvDtype }: CompileOptions): Result<Backend> {
  const backend = findTarget(target);
  if (backend === undefined) return failure(unknownTarget(target));
  if (arch !== undefined && !backend.capabilities.architectures.includes(arch)) {
    return failure(unknownArchitecture(backend, arch));
  }
  const { features: known = [], cacheDtypes } = backend.capabilities;
  if (kvDtype !== undefined && !cacheDtypes.includes(kvDtype)) return failure(unknownCache(backend, kvDtype));
  const unknown = (features ?? []).filter((feature) => !known.includes(feature));
  if (unknown.length > 0) return failure(...unknown.map((each) => unknownFeature(backend, each)));
  return success(backend);
}

function unknownFeature({ name, capabilities: { features = [] } }: Backend, feature: string): Diagnostic {
  const known = features.length === 0 ? "it has none" : `known: ${features.join(", ")}`;
  return diagnostic("target/unknown-feature", `the target \`${name}\` has no feature \`${feature}\``, {
    hint: didYouMean(feature, features) ?? known,
  });
}

function unknownCache({ name, capabilities: { cacheDtypes } }: Backend, dtype: CacheDType): Diagnostic {
  return diagnostic("target/unknown-cache", `the target \`${name}\` cannot keep a KV cache of \`${dtype}\``, {
    hint: `it knows ${cacheDtypes.join(", ")}`,
  });
}

function unknownTarget(name: string): Diagnostic {
  const known = targets.map((each) => each.name);
  return diagnostic("plan/unknown-target", `there is no target \`${name}\``, {
    hint: didYouMean(name, known) ?? `known targets: ${known.join(", ")}`,
  });
}

function unknownArchitecture({ name, capabilities: { architectures } }: Backend, arch: string): Diagnostic {
  const known =
    architectures.length === 0 ? "it has none to choose from" : `known: ${architectures.join(", ")}`;
  return diagnostic("target/unknown-arch", `the target \`${name}\` has no architecture \`${arch}\``, {
    hint: didYouMean(arch, architectures) ?? known,
  });
}

function importWith(host: Host, path: string, options: CompileOptions): Result<ImportedModel> {
  const { blockSize, contextLength } = options;
  const given = { blockSize, cacheDtype: cacheDtype(options) };
  const own = contextLength === undefined ? given : { ...given, contextLength };
  const first = importModel(path, host.files, own);
  if (!first.ok || contextLength !== undefined || first.value.contextLength <= DEFAULT_CONTEXT) return first;
  first.value.weights?.close();
  return importModel(path, host.files, { ...given, contextLength: DEFAULT_CONTEXT });
}

/** Who rounds weights to 8 bits or fewer has no use for keys of 24; see docs/decisions/0006. */
function cacheDtype({ kvDtype, quantize }: CompileOptions): CacheDType | "as_weights" {
  if (kvDtype !== undefined) return kvDtype;
  return quantize === "none" ? "as_weights" : "f16";
}

/** The shipped rules for a target and the user's own, without those that are left out. */
export function readRules(
  host: Host,
  backend: Backend,
  options: CompileOptions,
  ops: Registry = coreRegistry,
): Result<RuleProgram> {
  const loaded = loadTargetRules({
    folder: host.files.join(host.assetRoot, "rules"),
    files: host.files,
    backend,
    ops,
    own: options.ruleFiles,
    without: options.without,
    settings: {
      quantize: options.quantize,
      activations: options.activations,
      ...Object.fromEntries((options.features ?? []).map((feature) => [feature, "yes"])),
    },
  });
  if (!loaded.ok || options.withoutRules.length === 0) return loaded;
  return success(withoutRules(loaded.value, new Set(options.withoutRules)), loaded.diagnostics);
}

function capacityFor(model: ImportedModel, options: CompileOptions): Capacity {
  const { contextLength } = model;
  const tokens = Math.min(options.maxTokens, contextLength * options.maxSequences);
  return {
    tokens,
    rows: tokens,
    sequences: options.maxSequences,
    contextLength,
    blocksPerSequence: Math.ceil(contextLength / options.blockSize),
  };
}

/** Share of a weight's stored bytes that is left at a level of quantization. */
const bytesPerElement: Readonly<Record<CompileOptions["quantize"], number | undefined>> = {
  none: undefined,
  q8: 1.0625,
  q4: 0.5625,
};

/** All weights of the model, once each, at the level that the options allow. */
function residentBytes(module: Module, { quantize }: CompileOptions): number {
  return module.functions.reduce((sum, func) => {
    const use = module.functions.flatMap((each) =>
      each.operations.filter((operation) => operation.kind === "layers" && operation.body === func.name),
    )[0];
    const copies = use?.kind === "layers" ? use.count : 1;
    return sum + copies * weightTypes(func).reduce((bytes, type) => bytes + storedBytes(type, quantize), 0);
  }, 0);
}

function weightTypes(func: Module["functions"][number]): readonly ValueType[] {
  return func.operations.flatMap((operation) =>
    operation.kind === "op" && operation.op === "weight" ? [func.values[operation.results[0]]!.type] : [],
  );
}

function storedBytes(type: ValueType, quantize: CompileOptions["quantize"]): number {
  if (type.kind === "quantized") return (elementCount(type.shape) * bitsPerWeight(type)) / 8;
  const share = bytesPerElement[quantize];
  if (share === undefined || type.kind !== "tensor" || type.shape.length !== 2) return typeBytes(type);
  return elementCount(type.shape) * share;
}

function planFor(
  model: ImportedModel,
  capacity: Capacity,
  { backend, ops, optimized }: Pick<Compilation, "backend" | "optimized"> & { readonly ops: Registry },
): ProgramPlan {
  return planProgram({
    model: model.name,
    target: backend.name,
    ops: printedOps(ops),
    vocabulary: model.vocabulary,
    capacity,
    cache: cacheTypeOf(model.module),
    selected: optimized.selected,
  });
}

function cacheTypeOf(module: Module): ProgramPlan["kv"]["type"] {
  const step = module.functions.find(({ name }) => name === "step");
  const type = step?.params
    .map((param) => step.values[param]?.type)
    .find((each) => each?.kind === "kv_cache");
  if (type?.kind !== "kv_cache") throw new TypeError("the step has no KV cache");
  return type;
}

function arenaTooLarge(bytes: number): Diagnostic {
  const gibibytes = (bytes / 2 ** 30).toFixed(0);
  return diagnostic("plan/arena-too-large", `the buffers of one step take ${gibibytes} GiB`, {
    hint: "keep the rule families `attention` and `paging`, or give a smaller `--context`",
  });
}
