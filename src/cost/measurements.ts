/**
 * What a machine was measured to do: of a description, the peaks, bandwidths and the cost of a barrier. How
 * far kernels of a family stay below them is the description's own.
 */

import type { HardwareDescription } from "./hardware.js";

export interface MachineMeasurements {
  readonly clockHz: number;
  /** Operations of one thread in a second, two for a product and its sum; undefined: not measured. */
  readonly f32OpsPerSecond: number;
  readonly int8OpsPerSecond: number;
  readonly bf16OpsPerSecond: number | undefined;
  /** Of one thread, from each level of cache, smallest first. */
  readonly cacheBytesPerSecond: readonly number[];
  readonly memoryBytesPerSecondOneThread: number;
  readonly memoryBytesPerSecond: number;
  /** Undefined for one thread. */
  readonly barrierNs: number | undefined;
}

/** Reads `name value` lines as `backends/c/measure/measure.c` prints them; undefined when one is missing. */
export function parseMeasurements(text: string): MachineMeasurements | undefined {
  const lines = text.split("\n").map((line) => line.split(" "));
  const all = (name: string): number[] => {
    return lines.filter(([each]) => each === name).map(([, value]) => Number(value));
  };
  const [clockHz] = all("clock_hz");
  const [f32OpsPerSecond] = all("f32_ops");
  const [int8OpsPerSecond] = all("int8_ops");
  const [bf16OpsPerSecond] = all("bf16_ops");
  const [memoryBytesPerSecondOneThread] = all("memory_bytes_one");
  const [memoryBytesPerSecond] = all("memory_bytes");
  const [barrierNs] = all("barrier_ns");
  return checkMeasurements({
    clockHz, f32OpsPerSecond, int8OpsPerSecond, bf16OpsPerSecond, cacheBytesPerSecond: all("cache_bytes"),
    memoryBytesPerSecondOneThread, memoryBytesPerSecond, barrierNs,
  });
}

/** Measurements that were written down; undefined when they are not what they should be. */
export function checkMeasurements(given: unknown): MachineMeasurements | undefined {
  if (typeof given !== "object" || given === null) return undefined;
  const found = given as Readonly<Record<string, unknown>>;
  const rates = [
    "clockHz", "f32OpsPerSecond", "int8OpsPerSecond", "memoryBytesPerSecondOneThread", "memoryBytesPerSecond",
  ];
  const caches = found["cacheBytesPerSecond"];
  if (!rates.every((name) => isPositive(found[name])) || !Array.isArray(caches)) return undefined;
  const optional = ["bf16OpsPerSecond", "barrierNs"].map((name) => found[name]);
  const sound = caches.every(isPositive) && optional.every((each) => each === undefined || isPositive(each));
  return sound ? (given as MachineMeasurements) : undefined;
}

function isPositive(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

/** The description with what was measured in the place of what is usual. */
export function withMeasurements(
  description: HardwareDescription,
  measured: MachineMeasurements,
): HardwareDescription {
  const perCycle = (opsPerSecond: number): number => opsPerSecond / measured.clockHz;
  const { bf16OpsPerSecond, barrierNs } = measured;
  return {
    ...description,
    clockHz: measured.clockHz,
    flopsPerCycle: perCycle(measured.f32OpsPerSecond),
    int8OpsPerCycle: perCycle(measured.int8OpsPerSecond),
    bf16OpsPerCycle:
      bf16OpsPerSecond === undefined ? description.bf16OpsPerCycle : perCycle(bf16OpsPerSecond),
    caches: description.caches.map((cache, i) => ({
      ...cache,
      bytesPerSecond: measured.cacheBytesPerSecond[i] ?? cache.bytesPerSecond,
    })),
    memory: {
      ...description.memory,
      bytesPerSecondOneThread: measured.memoryBytesPerSecondOneThread,
      bytesPerSecond: measured.memoryBytesPerSecond,
    },
    barrierNs: barrierNs ?? description.barrierNs,
  };
}
