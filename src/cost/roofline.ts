/**
 * The roofline (Williams, Waterman and Patterson 2009) with caches: a kernel takes as long as the slower
 * of its arithmetic and its traffic, plus what a call costs. Bytes are priced at the level they come
 * from: weights at the level that holds all weights of the program, activations at the level that holds
 * that kernel's activations, which is why fusion wins.
 */

import type { Arithmetic, KernelFamily } from "./families.js";
import { familyArithmetic } from "./families.js";
import type { HardwareDescription } from "./hardware.js";

/** One kernel call at concrete extents. */
export interface KernelWork {
  readonly family: KernelFamily;
  readonly flops: number;
  /** Bytes of constants that are read once. */
  readonly weightBytes: number;
  /** Bytes of activations and of the KV cache, read and written. */
  readonly activationBytes: number;
}

export interface KernelPrice {
  readonly timeNs: number;
  readonly arithmeticNs: number;
  readonly trafficNs: number;
  readonly bound: "arithmetic" | "traffic" | "overhead";
}

/** `residentBytes`: all packed weights of the program, which decides where weights are read from. */
export function priceKernel(
  hardware: HardwareDescription,
  work: KernelWork,
  residentBytes: number,
): KernelPrice {
  const family = hardware.families[work.family];
  const perCycle = opsPerCycle(hardware, familyArithmetic(work.family));
  const peak = hardware.threads * hardware.clockHz * perCycle * family.peakShare;
  const arithmeticNs = (work.flops / peak) * 1e9;
  const trafficNs =
    (transferNs(hardware, work.weightBytes, residentBytes) +
      transferNs(hardware, work.activationBytes, work.activationBytes)) /
    family.bandwidthShare;
  const overheadNs = family.overheadNs + (hardware.threads > 1 ? hardware.barrierNs : 0);
  const busyNs = Math.max(arithmeticNs, trafficNs);
  return {
    timeNs: busyNs + overheadNs,
    arithmeticNs,
    trafficNs,
    bound: boundOf(arithmeticNs, trafficNs, overheadNs),
  };
}

function opsPerCycle(hardware: HardwareDescription, arithmetic: Arithmetic): number {
  if (arithmetic === "int8") return hardware.int8OpsPerCycle;
  return arithmetic === "bf16" ? hardware.bf16OpsPerCycle : hardware.flopsPerCycle;
}

function boundOf(arithmeticNs: number, trafficNs: number, overheadNs: number): KernelPrice["bound"] {
  if (overheadNs > Math.max(arithmeticNs, trafficNs)) return "overhead";
  return arithmeticNs > trafficNs ? "arithmetic" : "traffic";
}

/** Time to move bytes from the smallest level that keeps `residentBytes`; half of a cache counts as kept. */
function transferNs(hardware: HardwareDescription, bytes: number, residentBytes: number): number {
  const share = residentBytes / hardware.threads;
  const level = hardware.caches.find((cache) => share <= cache.sizeBytes / 2);
  const bandwidth = level ? level.bytesPerSecond * hardware.threads : memoryBandwidth(hardware);
  return (bytes / bandwidth) * 1e9;
}

/** One thread alone does not fill the memory's bandwidth; several share it. */
function memoryBandwidth({ threads, memory }: HardwareDescription): number {
  return Math.min(threads * memory.bytesPerSecondOneThread, memory.bytesPerSecond);
}
