/**
 * What the machine is. On Linux from `/proc/cpuinfo` and `/sys/devices/system/cpu`; elsewhere, and where
 * a file is missing, from `node:os`, with zeros for what is not known.
 */

import { readdirSync, readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";

import type { MachineFacts } from "../base/index.js";

const processorFolder = "/sys/devices/system/cpu";
const processorFile = "/proc/cpuinfo";

export function readMachineFacts(): MachineFacts {
  const info = parseProcessorInfo(readOptional(processorFile));
  const logical = cpus();
  const cores = countCores() || info.physicalCores || logical.length;
  return {
    architecture: arch(),
    model: info.model || (logical[0]?.model ?? "").trim(),
    // A container may be given fewer processors than the machine has cores.
    physicalCores: Math.max(1, Math.min(cores, availableParallelism())),
    memoryBytes: memoryBytes(),
    cacheBytes: readCaches(),
    features: info.features,
  };
}

export interface ProcessorInfo {
  readonly model: string;
  /** 0 where the file does not say. */
  readonly physicalCores: number;
  /** Sorted. */
  readonly features: readonly string[];
}

/** `/proc/cpuinfo`: a paragraph of `key : value` lines a logical processor. */
export function parseProcessorInfo(text: string): ProcessorInfo {
  const paragraphs = text.split(/\n\s*\n/).map(parseParagraph);
  const cores = new Set<string>();
  for (const each of paragraphs) {
    const core = each.get("core id");
    if (core !== undefined) cores.add(`${each.get("physical id") ?? "0"}/${core}`);
  }
  const first = paragraphs[0];
  const flags = first?.get("flags") ?? first?.get("Features") ?? "";
  return {
    model: first?.get("model name") ?? "",
    physicalCores: cores.size,
    features: [...new Set(flags.split(/\s+/).filter((flag) => flag !== ""))].sort(),
  };
}

function parseParagraph(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return fields;
}

/** `48K`, `2048K`, `32M` as bytes; 0 for anything else. */
export function parseCacheSize(text: string): number {
  const [, digits, unit] = /^(\d+)([KMG]?)$/.exec(text.trim()) ?? [];
  if (digits === undefined) return 0;
  const shift = { K: 10, M: 20, G: 30 }[unit ?? ""] ?? 0;
  return Number(digits) * 2 ** shift;
}

function countCores(): number {
  const cores = new Set<string>();
  for (const name of listOptional(processorFolder)) {
    if (!/^cpu\d+$/.test(name)) continue;
    const topology = join(processorFolder, name, "topology");
    const core = readOptional(join(topology, "core_id")).trim();
    const socket = readOptional(join(topology, "physical_package_id")).trim();
    if (core !== "") cores.add(`${socket}/${core}`);
  }
  return cores.size;
}

/** Data and unified caches of the first processor; the third level is shared by its neighbours. */
function readCaches(): MachineFacts["cacheBytes"] {
  const levels = [0, 0, 0, 0];
  const folder = join(processorFolder, "cpu0", "cache");
  for (const name of listOptional(folder)) {
    const read = (file: string): string => readOptional(join(folder, name, file)).trim();
    if (read("type") === "Instruction") continue;
    const level = Number(read("level"));
    if (level >= 1 && level <= 3) levels[level] = parseCacheSize(read("size"));
  }
  const [, l1 = 0, l2 = 0, l3 = 0] = levels;
  return { l1, l2, l3 };
}

/** The smaller of the machine's memory and the limit of the container. */
function memoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(totalmem(), limit) : totalmem();
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function listOptional(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
