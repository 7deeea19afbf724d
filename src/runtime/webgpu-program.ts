/**
 * A program on a device: buffers, and for every function the dispatches with their bind groups, all made
 * once. Pipelines are compiled when a step first needs them: a program has kernels for numbers of tokens that
 * may never come. After that a step is a walk over lists; only the number of workgroups is computed.
 */

import type {
  BindingRecord, CallRecord, DispatchRecord, Factor, GroupsRecord, ProgramRecord, Resource,
} from "../../backends/wgsl/index.js";
import { LIMITS } from "../../backends/wgsl/index.js";
import { at, HostError, invariant } from "../base/index.js";
import type { GpuBuffer, GpuComputePass, GpuDevice, GpuHandle, GpuShaderModule } from "./webgpu-device.js";
import { STAGE_COMPUTE, USAGE } from "./webgpu-device.js";
import type { BufferRange, DeviceWeights, ReadWeights } from "./webgpu-weights.js";
import { uploadWeights } from "./webgpu-weights.js";

/** An artifact of the WGSL target, wherever it lies. */
export interface WebGpuSources {
  readonly record: ProgramRecord;
  /** The text of a module, by its path below the artifact's folder. */
  readonly readModule: (file: string) => string;
  readonly readWeights: ReadWeights;
}

/** Dimensions of a step. */
export type StepDims = Readonly<Record<string, number>>;

interface Dispatch {
  readonly pipeline: Pipeline;
  readonly bindGroup: GpuHandle;
  readonly groups: readonly GroupsRecord[];
}

interface Choice {
  readonly upToRows: number | null;
  readonly rows: readonly Factor[];
  readonly dispatches: readonly Dispatch[];
}

/** One dispatch of a step, ready to be encoded. */
export interface ReadyDispatch {
  readonly pipeline: GpuHandle;
  readonly bindGroup: GpuHandle;
  readonly workgroups: readonly [x: number, y: number, z: number];
}

export function encodeDispatches(pass: GpuComputePass, dispatches: readonly ReadyDispatch[]): void {
  for (const { pipeline, bindGroup, workgroups: groups } of dispatches) {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...groups);
  }
}

/** Invariant: compiled at most once. */
class Pipeline {
  readonly #compile: () => Promise<GpuHandle>;
  #compiled: Promise<GpuHandle> | undefined;

  constructor(compile: () => Promise<GpuHandle>) {
    this.#compile = compile;
  }

  compile(): Promise<GpuHandle> {
    this.#compiled ??= this.#compile();
    return this.#compiled;
  }
}

/** Buffers whose size depends on the plan and on the pool. */
export interface ProgramBuffers {
  /** One record of 256 bytes for the step and for each layer: dimensions, then the layer's number. */
  readonly steps: GpuBuffer;
  readonly arena: GpuBuffer;
  readonly output: GpuBuffer;
  readonly batch: GpuBuffer;
  /** By layer. */
  readonly keys: readonly GpuBuffer[];
  readonly values: readonly GpuBuffer[];
}

export class WebGpuProgram {
  readonly record: ProgramRecord;
  readonly buffers: ProgramBuffers;
  readonly #entries: ReadonlyMap<string, readonly (readonly Choice[])[]>;
  readonly #weights: DeviceWeights;

  constructor(
    record: ProgramRecord,
    buffers: ProgramBuffers,
    weights: DeviceWeights,
    entries: ReadonlyMap<string, readonly (readonly Choice[])[]>,
  ) {
    this.record = record;
    this.buffers = buffers;
    this.#weights = weights;
    this.#entries = entries;
  }

  /** The dispatches of a step with their workgroups, and pipelines that are ready. */
  async prepare(entry: string, dims: StepDims): Promise<readonly ReadyDispatch[]> {
    const calls = this.#entries.get(entry);
    invariant(calls !== undefined, `the program has a function ${entry}`);
    const ready: Promise<ReadyDispatch>[] = [];
    for (const choices of calls) {
      const taken = choices.find(({ upToRows, rows }) => {
        return upToRows === null || product(rows, dims) <= upToRows;
      });
      for (const { pipeline, bindGroup, groups } of taken?.dispatches ?? []) {
        const [x, y, z] = workgroups(groups, dims);
        if (x * y * z === 0) continue;
        const handle = pipeline.compile();
        ready.push(handle.then((compiled) => ({ pipeline: compiled, bindGroup, workgroups: [x, y, z] })));
      }
    }
    return Promise.all(ready);
  }

  destroy(): void {
    const { steps, arena, output, batch, keys, values } = this.buffers;
    for (const buffer of [steps, arena, output, batch, ...keys, ...values]) buffer.destroy();
    this.#weights.destroy();
  }
}

/** Makes everything that a program needs on a device. Throws `HostError` where the device refuses. */
export async function createWebGpuProgram(
  device: GpuDevice,
  sources: WebGpuSources,
  blocks: number,
): Promise<WebGpuProgram> {
  const { record } = sources;
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  const buffers = createBuffers(device, record, blocks);
  const weights = uploadWeights(device, record.weights, sources.readWeights);
  const maker = new ProgramMaker(device, sources, { buffers, weights });
  const calls = record.functions.filter(({ role }) => role === "step");
  const entries = new Map<string, readonly (readonly Choice[])[]>();
  for (const { name } of calls) entries.set(name, maker.flatten(name, undefined));
  const invalid = await device.popErrorScope();
  const exhausted = await device.popErrorScope();
  if (exhausted !== null) {
    throw new HostError("the device has not enough memory for the program", {
      code: "target/limit",
      hint: `${exhausted.message}; quantize the weights, or give a smaller KV cache`,
    });
  }
  invariant(invalid === null, `the device accepts the program: ${invalid?.message ?? ""}`);
  return new WebGpuProgram(record, buffers, weights, entries);
}

function createBuffers(device: GpuDevice, record: ProgramRecord, blocks: number): ProgramBuffers {
  const { program, layerBlockBytes, outputBytes, batch } = record;
  const make = (label: string, size: number, usage: number): GpuBuffer =>
    device.createBuffer({ label, size: Math.max(16, Math.ceil(size / 4) * 4), usage: USAGE.storage | usage });
  const pool = (name: string): readonly GpuBuffer[] =>
    Array.from({ length: program.kv.layers }, (_, layer) =>
      make(`${name} of layer ${layer}`, blocks * layerBlockBytes, USAGE.copyTarget | USAGE.copySource),
    );
  return {
    steps: device.createBuffer({
      label: "steps",
      size: LIMITS.offsetAlignment * (program.kv.layers + 1),
      usage: USAGE.uniform | USAGE.copyTarget,
    }),
    arena: make("arena", program.arenaBytes, USAGE.copySource | USAGE.copyTarget),
    output: make("output", outputBytes, USAGE.copySource),
    batch: make("batch", batch.sizeBytes, USAGE.copyTarget),
    keys: pool("keys"),
    values: pool("values"),
  };
}

interface Made {
  readonly buffers: ProgramBuffers;
  readonly weights: DeviceWeights;
}

/** Invariant: pipelines and bind groups that are equal are made once. */
class ProgramMaker {
  readonly #device: GpuDevice;
  readonly #sources: WebGpuSources;
  readonly #made: Made;
  readonly #modules = new Map<number, GpuShaderModule>();
  readonly #layouts = new Map<number, GpuHandle>();
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #bindGroups = new Map<string, GpuHandle>();

  constructor(device: GpuDevice, sources: WebGpuSources, made: Made) {
    this.#device = device;
    this.#sources = sources;
    this.#made = made;
  }

  /** The calls of a function with those of the layers that it runs, in order. */
  flatten(name: string, layer: number | undefined): readonly (readonly Choice[])[] {
    const func = this.#sources.record.functions.find((each) => each.name === name);
    invariant(func !== undefined, `the program has a function ${name}`);
    return func.calls.flatMap((call) => this.#call(call, layer));
  }

  #call(call: CallRecord, layer: number | undefined): readonly (readonly Choice[])[] {
    if (call.kind === "layers") {
      const numbers = Array.from({ length: call.count }, (_, i) => call.first + i);
      return numbers.flatMap((each) => this.flatten(call.body, each));
    }
    const choices = call.choices.map(({ upToRows, rows, dispatches }): Choice => {
      return { upToRows, rows, dispatches: dispatches.map((each) => this.#dispatch(each, layer)) };
    });
    return [choices];
  }

  #dispatch(record: DispatchRecord, layer: number | undefined): Dispatch {
    const bindGroup = this.#bindGroup(record, layer);
    return { pipeline: this.#pipeline(record), bindGroup, groups: record.groups };
  }

  #pipeline({ module: index, constants }: DispatchRecord): Pipeline {
    const key = JSON.stringify([index, constants]);
    const known = this.#pipelines.get(key);
    if (known !== undefined) return known;
    const layout = this.#device.createPipelineLayout({ bindGroupLayouts: [this.#layout(index)] });
    const label = at(this.#sources.record.modules, index).name;
    const made = new Pipeline(() => {
      const compute = { module: this.#module(index), entryPoint: "main", constants };
      return this.#device.createComputePipelineAsync({ label, layout, compute });
    });
    this.#pipelines.set(key, made);
    return made;
  }

  #module(index: number): GpuShaderModule {
    const known = this.#modules.get(index);
    if (known !== undefined) return known;
    const { name, file } = at(this.#sources.record.modules, index);
    const made = this.#device.createShaderModule({ label: name, code: this.#sources.readModule(file) });
    this.#modules.set(index, made);
    return made;
  }

  #layout(index: number): GpuHandle {
    const known = this.#layouts.get(index);
    if (known !== undefined) return known;
    const { bindings } = at(this.#sources.record.modules, index);
    const entries = bindings.map(({ access }, binding) => {
      return { binding, visibility: STAGE_COMPUTE, buffer: { type: bindingType(access) } };
    });
    const made = this.#device.createBindGroupLayout({ entries });
    this.#layouts.set(index, made);
    return made;
  }

  #bindGroup({ module: index, resources }: DispatchRecord, layer: number | undefined): GpuHandle {
    const key = JSON.stringify([index, resources, layer ?? null]);
    const known = this.#bindGroups.get(key);
    if (known !== undefined) return known;
    const made = this.#device.createBindGroup({
      layout: this.#layout(index),
      entries: resources.map((resource, binding) => ({ binding, resource: this.#range(resource, layer) })),
    });
    this.#bindGroups.set(key, made);
    return made;
  }

  #range(resource: Resource, layer: number | undefined): BufferRange {
    const { buffers, weights } = this.#made;
    if (typeof resource === "object") return weights.range(resource.weight, resource.part, layer);
    switch (resource) {
      case "step": {
        const index = layer === undefined ? 0 : layer + 1;
        return { buffer: buffers.steps, offset: index * LIMITS.offsetAlignment, size: STEP_BYTES };
      }
      case "keys":
      case "values":
        invariant(layer !== undefined, "the cache is read in a layer");
        return whole(at(buffers[resource], layer));
      default:
        return whole(buffers[resource]);
    }
  }
}

/** T, S, R, C, B, P and the layer, and a word that rounds the record up. */
const STEP_BYTES = 32;

function whole(buffer: GpuBuffer): BufferRange {
  return { buffer, offset: 0, size: buffer.size };
}

function bindingType(access: BindingRecord["access"]): "uniform" | "storage" | "read-only-storage" {
  if (access === "uniform") return "uniform";
  return access === "read" ? "read-only-storage" : "storage";
}

/** The product of factors in a step. */
export function product(factors: readonly Factor[], dims: StepDims): number {
  return factors.reduce<number>((count, factor) => {
    const value = typeof factor === "number" ? factor : dims[factor];
    invariant(value !== undefined, `the step has a dimension ${factor}`);
    return count * value;
  }, 1);
}

/** One axis of too many workgroups becomes two: kernels with one axis count over both. */
function workgroups(groups: readonly GroupsRecord[], dims: StepDims): readonly [number, number, number] {
  const [x = 1, y = 1, z = 1] = groups.map(({ factors, per }) => Math.ceil(product(factors, dims) / per));
  if (groups.length > 1 || x <= LIMITS.groupsPerAxis) return [x, y, z];
  const rows = Math.ceil(x / LIMITS.groupsPerAxis);
  return [Math.ceil(x / rows), rows, 1];
}
