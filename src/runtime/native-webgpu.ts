/**
 * A WebGPU device in Node, through the package `webgpu` (Dawn), which is loaded only when it is asked for.
 * Where no driver answers, a software driver that stands in a known place is tried: slow, and better than
 * nothing.
 */

import { existsSync } from "node:fs";
import { tmpdir } from "node:os";

import { wgslBackend } from "../../backends/wgsl/index.js";
import type { Ability } from "../codegen/index.js";
import { HostError } from "../base/index.js";
import type { GpuDevice } from "./webgpu-device.js";

export interface NodeDevice {
  readonly device: GpuDevice;
  /** For people. */
  readonly name: string;
}

/** Vulkan drivers that need no GPU, by their manifest: the one in Debian's package chromium-common. */
const softwareDrivers = ["/usr/lib/chromium/vk_swiftshader_icd.json"];

/**
 * No kernel reads workgroup memory that it has not written; clearing it first would cost more than some
 * kernels.
 */
const dawnOptions = ["enable-dawn-features=disable_workgroup_init"];

interface Adapter {
  readonly info: { readonly vendor: string; readonly architecture: string; readonly description: string };
  readonly limits: Readonly<Record<string, number | undefined>>;
  readonly features: { has(name: string): boolean };
  requestDevice(descriptor: {
    readonly requiredFeatures: readonly string[];
    readonly requiredLimits: Readonly<Record<string, number>>;
  }): Promise<GpuDevice>;
}

/** An adapter with the instance that it dies with. */
interface OpenAdapter {
  readonly adapter: Adapter;
  readonly gpu: Gpu;
}

interface Gpu {
  /** Of the language: no device is asked for them. */
  readonly wgslLanguageFeatures?: { has(name: string): boolean };
  requestAdapter(options?: { readonly powerPreference?: string }): Promise<Adapter | null>;
}

/** Dawn's objects die with the instance, and only globals are out of the collector's reach. */
const instances = globalThis as { llmirWebGpu?: Set<Gpu> };

/**
 * Opens the best device of the machine, with optional features that kernels may need. Throws `HostError` when
 * there is none, or when it lacks one.
 */
export async function openNodeDevice(needs: readonly string[] = []): Promise<NodeDevice> {
  const { adapter, gpu } = await findAdapter();
  const missing = needs.filter((feature) => !featuresOf({ adapter, gpu }).includes(feature));
  if (missing.length > 0) {
    instances.llmirWebGpu?.delete(gpu);
    throw new HostError(`the device ${adapterName(adapter)} has no ${missing.join(" and no ")}`, {
      code: "target/no-device",
      hint: "compile it without `--features`, or for those of this device",
    });
  }
  const limits = ["maxStorageBufferBindingSize", "maxBufferSize"].flatMap((name) => {
    const value = adapter.limits[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const requiredFeatures = needs.filter((feature) => adapter.features.has(feature));
  const requiredLimits = Object.fromEntries(limits);
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  // The process may end once no device is open.
  void device.lost.then(() => instances.llmirWebGpu?.delete(gpu));
  return { device, name: adapterName(adapter) };
}

/** Optional features that kernels may need, as far as the best device has them; none without a device. */
export async function nodeFeatures(): Promise<readonly string[]> {
  try {
    const found = await findAdapter();
    instances.llmirWebGpu?.delete(found.gpu);
    return featuresOf(found);
  } catch (error) {
    if (error instanceof HostError) return [];
    throw error;
  }
}

function featuresOf({ adapter, gpu }: OpenAdapter): readonly string[] {
  return (wgslBackend.capabilities.features ?? []).filter(
    (name) => adapter.features.has(name) || gpu.wgslLanguageFeatures?.has(name) === true,
  );
}

/** Throws `HostError` when there is no device. */
export async function requireAdapter(): Promise<void> {
  const { gpu } = await findAdapter();
  instances.llmirWebGpu?.delete(gpu);
}

/** What `llmir targets` says of running WebGPU here. */
export async function webGpuAbility(): Promise<Ability> {
  try {
    const { adapter, gpu } = await findAdapter();
    instances.llmirWebGpu?.delete(gpu);
    return { ok: true, by: adapterName(adapter) };
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return { ok: false, why: error.message, hint: error.details.hint ?? "" };
  }
}

async function findAdapter(): Promise<OpenAdapter> {
  const create = await loadPackage();
  const direct = await withEnvironment(quiet, () => adapterOf(create));
  if (direct !== undefined) return direct;
  const driver = softwareDrivers.find((path) => existsSync(path));
  if (driver !== undefined) {
    const software = await withEnvironment({ ...quiet, VK_ICD_FILENAMES: driver }, () => adapterOf(create));
    if (software !== undefined) return software;
  }
  throw new HostError("WebGPU finds no device on this machine", {
    code: "target/no-adapter",
    hint: "install a Vulkan driver (on Debian `chromium-common` and `libvulkan1` bring a software one), or take `--target c`",
  });
}

/** Vulkan's loader complains on the terminal where a session has no folder of its own. */
const quiet = { XDG_RUNTIME_DIR: tmpdir() };

/** Vulkan's loader reads the environment when an instance is made. What a person has set stays as it is. */
async function withEnvironment<T>(
  values: Readonly<Record<string, string>>,
  body: () => Promise<T>,
): Promise<T> {
  const own = Object.keys(values).filter((name) => process.env[name] === undefined);
  for (const name of own) process.env[name] = values[name];
  try {
    return await body();
  } finally {
    for (const name of own) Reflect.deleteProperty(process.env, name);
  }
}

async function loadPackage(): Promise<() => Gpu> {
  try {
    const { create } = await import("webgpu");
    return () => create([...dawnOptions]) as unknown as Gpu;
  } catch (cause) {
    throw new HostError("the package `webgpu` cannot be loaded", {
      code: "target/no-adapter",
      hint: "run `npm install webgpu`, or take `--target c`",
      cause,
    });
  }
}

async function adapterOf(create: () => Gpu): Promise<OpenAdapter | undefined> {
  const gpu = create();
  instances.llmirWebGpu ??= new Set();
  instances.llmirWebGpu.add(gpu);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter !== null) return { adapter, gpu };
  instances.llmirWebGpu.delete(gpu);
  return undefined;
}

function adapterName({ info }: Adapter): string {
  const words = [info.vendor, info.architecture, info.description].filter((word) => word !== "");
  return words.length === 0 ? "unnamed device" : words.join(" ");
}
