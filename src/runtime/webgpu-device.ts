/**
 * The part of WebGPU that the executor uses, as a structural type: a browser's `GPUDevice` fits it, and so
 * does the one of the npm package `webgpu`. Names are WebGPU's own.
 */

export interface GpuBuffer {
  readonly size: number;
  mapAsync(mode: number, offset?: number, size?: number): Promise<undefined>;
  getMappedRange(offset?: number, size?: number): ArrayBuffer;
  unmap(): undefined;
  destroy(): undefined;
}

/** Objects that are only passed on. */
export interface GpuHandle {
  readonly label: string;
}

export interface GpuShaderModule extends GpuHandle {
  getCompilationInfo(): Promise<{ readonly messages: readonly GpuCompilationMessage[] }>;
}

export interface GpuCompilationMessage {
  readonly type: string;
  readonly message: string;
  readonly lineNum: number;
  readonly linePos: number;
}

export interface GpuBindGroupLayoutEntry {
  readonly binding: number;
  readonly visibility: number;
  readonly buffer: { readonly type: "uniform" | "storage" | "read-only-storage" };
}

export interface GpuBindGroupEntry {
  readonly binding: number;
  readonly resource: { readonly buffer: GpuBuffer; readonly offset: number; readonly size: number };
}

export interface GpuComputePipelineDescriptor {
  readonly label: string;
  readonly layout: GpuHandle;
  readonly compute: {
    readonly module: GpuShaderModule;
    readonly entryPoint: string;
    readonly constants: Readonly<Record<string, number>>;
  };
}

export interface GpuComputePass {
  setPipeline(pipeline: GpuHandle): undefined;
  setBindGroup(index: number, group: GpuHandle): undefined;
  dispatchWorkgroups(x: number, y?: number, z?: number): undefined;
  end(): undefined;
}

export interface GpuCommandEncoder {
  beginComputePass(): GpuComputePass;
  copyBufferToBuffer(
    ...copy: readonly [from: GpuBuffer, fromOffset: number, to: GpuBuffer, toOffset: number, size: number]
  ): undefined;
  finish(): GpuHandle;
}

export interface GpuQueue {
  writeBuffer(buffer: GpuBuffer, offset: number, data: Uint8Array): undefined;
  submit(buffers: readonly GpuHandle[]): undefined;
  onSubmittedWorkDone(): Promise<undefined>;
}

export interface GpuError {
  readonly message: string;
}

export interface GpuDevice {
  readonly limits: Readonly<Record<string, number | undefined>>;
  readonly queue: GpuQueue;
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  createBuffer(descriptor: {
    readonly label: string;
    readonly size: number;
    readonly usage: number;
  }): GpuBuffer;
  createShaderModule(descriptor: { readonly label: string; readonly code: string }): GpuShaderModule;
  createBindGroupLayout(descriptor: { readonly entries: readonly GpuBindGroupLayoutEntry[] }): GpuHandle;
  createPipelineLayout(descriptor: { readonly bindGroupLayouts: readonly GpuHandle[] }): GpuHandle;
  createComputePipelineAsync(descriptor: GpuComputePipelineDescriptor): Promise<GpuHandle>;
  createBindGroup(descriptor: {
    readonly layout: GpuHandle;
    readonly entries: readonly GpuBindGroupEntry[];
  }): GpuHandle;
  createCommandEncoder(): GpuCommandEncoder;
  pushErrorScope(filter: "validation" | "out-of-memory"): undefined;
  popErrorScope(): Promise<GpuError | null>;
  destroy(): undefined;
}

/** `GPUBufferUsage`, `GPUMapMode` and `GPUShaderStage`, which a page has as globals and Node has not. */
export const USAGE = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 } as const;
export const MAP_READ = 1;
export const STAGE_COMPUTE = 4;
