/**
 * The hardware description: what the roofline needs to know of a machine. One JSON file a machine in
 * `backends/<target>/hardware/`; the description of the machine at hand starts from a generic one and
 * takes core counts, caches and vector width from the operating system.
 */

import type { MachineFacts } from "../base/index.js";
import type { KernelFamily } from "./families.js";
import { kernelFamilies } from "./families.js";

/** How far below the roofline a family of kernels runs, and what each call costs before any work. */
export interface FamilyCoefficients {
  /** Achieved share of peak arithmetic, 0 … 1. */
  readonly peakShare: number;
  /** Achieved share of bandwidth, 0 … 1. */
  readonly bandwidthShare: number;
  readonly overheadNs: number;
}

export interface CacheLevel {
  /** Bytes that one thread may count on. */
  readonly sizeBytes: number;
  /** Read bandwidth of one thread. */
  readonly bytesPerSecond: number;
}

export interface HardwareDescription {
  readonly name: string;
  /** Threads that a plan uses. */
  readonly threads: number;
  readonly clockHz: number;
  /** binary32 operations of one thread in a cycle; a multiply-add counts two. */
  readonly flopsPerCycle: number;
  /** 8-bit integer operations of one thread in a cycle; a multiply-add counts two. */
  readonly int8OpsPerCycle: number;
  /** bfloat16 operations of one thread in a cycle. */
  readonly bf16OpsPerCycle: number;
  /** Smallest first. */
  readonly caches: readonly CacheLevel[];
  readonly memory: {
    readonly sizeBytes: number;
    /** Read bandwidth of one thread, and of all together. */
    readonly bytesPerSecondOneThread: number;
    readonly bytesPerSecond: number;
  };
  /** What it costs all threads to wait for each other once. */
  readonly barrierNs: number;
  readonly families: Readonly<Record<KernelFamily, FamilyCoefficients>>;
}

/** Checks a parsed JSON file; throws `TypeError` naming the field. Hardware files are ours or a tuner's. */
export function parseHardware(json: unknown): HardwareDescription {
  const root = record(json, "the hardware description");
  const memory = record(root["memory"], "memory");
  const families = record(root["families"], "families");
  return {
    name: text(root, "name"),
    threads: positive(root, "threads"),
    clockHz: positive(root, "clockHz"),
    flopsPerCycle: positive(root, "flopsPerCycle"),
    int8OpsPerCycle: positive(root, "int8OpsPerCycle"),
    bf16OpsPerCycle: positive(root, "bf16OpsPerCycle"),
    caches: list(root["caches"], "caches").map((each) => parseCache(record(each, "caches"))),
    memory: {
      sizeBytes: positive(memory, "sizeBytes"),
      bytesPerSecondOneThread: positive(memory, "bytesPerSecondOneThread"),
      bytesPerSecond: positive(memory, "bytesPerSecond"),
    },
    barrierNs: positive(root, "barrierNs"),
    families: parseFamilies(families),
  };
}

function parseCache(cache: Readonly<Record<string, unknown>>): CacheLevel {
  return { sizeBytes: positive(cache, "sizeBytes"), bytesPerSecond: positive(cache, "bytesPerSecond") };
}

function parseFamilies(families: Readonly<Record<string, unknown>>): HardwareDescription["families"] {
  const entries = kernelFamilies.map((name) => {
    const family = record(families[name], `families.${name}`);
    const coefficients: FamilyCoefficients = {
      peakShare: positive(family, "peakShare"),
      bandwidthShare: positive(family, "bandwidthShare"),
      overheadNs: positive(family, "overheadNs"),
    };
    return [name, coefficients] as const;
  });
  return Object.fromEntries(entries) as HardwareDescription["families"];
}

function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TypeError(`${what} is not an object`);
  return value as Readonly<Record<string, unknown>>;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${what} is not a list`);
  return value;
}

function text(from: Readonly<Record<string, unknown>>, field: string): string {
  const value = from[field];
  if (typeof value !== "string") throw new TypeError(`${field} is not a text`);
  return value;
}

function positive(from: Readonly<Record<string, unknown>>, field: string): number {
  const value = from[field];
  if (typeof value !== "number" || !(value > 0)) throw new TypeError(`${field} is not a positive number`);
  return value;
}

/** The generic description with what the operating system says of this machine. */
export function describeMachine(generic: HardwareDescription, facts: MachineFacts): HardwareDescription {
  const threads = facts.physicalCores > 0 ? facts.physicalCores : generic.threads;
  const sizes = [facts.cacheBytes.l1, facts.cacheBytes.l2, facts.cacheBytes.l3 / threads];
  return {
    ...generic,
    name: facts.model === "" ? generic.name : facts.model,
    threads,
    flopsPerCycle: vectorFlopsPerCycle(facts) ?? generic.flopsPerCycle,
    int8OpsPerCycle: vectorInt8OpsPerCycle(facts) ?? generic.int8OpsPerCycle,
    bf16OpsPerCycle: bf16OpsPerCycle(facts) ?? generic.bf16OpsPerCycle,
    caches: generic.caches.map((cache, i) => ({
      ...cache,
      sizeBytes: positiveOr(sizes[i], cache.sizeBytes),
    })),
    memory: { ...generic.memory, sizeBytes: positiveOr(facts.memoryBytes, generic.memory.sizeBytes) },
  };
}

function positiveOr(value: number | undefined, otherwise: number): number {
  return value !== undefined && value > 0 ? value : otherwise;
}

/** Two multiply-add pipes of the widest vector the machine has. */
function vectorFlopsPerCycle({ features }: MachineFacts): number | undefined {
  const has = (name: string): boolean => features.includes(name);
  if (has("avx512f")) return 64;
  if (has("avx2") && has("fma")) return 32;
  if (has("asimd")) return 16;
  return features.length > 0 ? 8 : undefined;
}

/**
 * Two pipes of byte products where there are instructions for them; elsewhere bytes are multiplied in pairs
 * of 16 bits, in three instructions for one.
 */
function vectorInt8OpsPerCycle({ features }: MachineFacts): number | undefined {
  const has = (name: string): boolean => features.includes(name);
  if (has("avx512_vnni")) return 256;
  if (has("avx512bw")) return 96;
  if (has("avx_vnni")) return 128;
  if (has("avx2") && has("fma")) return 48;
  if (has("asimddp")) return 64;
  return features.length > 0 ? 4 : undefined;
}

/** Tile registers, or pairs in vectors; elsewhere bfloat16 is widened, and half of the work is that. */
function bf16OpsPerCycle(facts: MachineFacts): number | undefined {
  if (facts.features.includes("amx_bf16")) return 1024;
  const floats = vectorFlopsPerCycle(facts);
  return facts.features.includes("avx512_bf16") ? 128 : floats && floats / 2;
}
