/**
 * What a compilation leaves on disk: a folder with the program, and one with the packed weights, which other
 * programs may share. Each has a manifest with sizes and hashes, and is read only when it matches them.
 */

import type { Host } from "../base/index.js";
import { hashFile, rememberedHash } from "./file-hash.js";

export interface FileCheck {
  /** Relative to the folder of its manifest. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** `artifact.json`. */
export interface ProgramManifest {
  readonly key: string;
  readonly model: string;
  readonly target: string;
  readonly compiler: string;
  /** What the executor opens: a library, or the description of a program. */
  readonly program: FileCheck;
}

/** What rounding to small integers did to one matrix. */
export interface QuantizationError {
  readonly name: string;
  readonly layer: number | undefined;
  readonly bits: number;
  /** Root mean square of the error over root mean square of the matrix. */
  readonly relativeError: number;
}

/** `weights.json`. */
export interface WeightsManifest {
  readonly key: string;
  readonly weights: FileCheck;
  readonly quantization: readonly QuantizationError[];
}

/** A program and the weights that it runs on. */
export interface Artifact {
  /** Of the program. */
  readonly folder: string;
  readonly programPath: string;
  readonly program: ProgramManifest;
  readonly weightsFolder: string;
  readonly weightsPath: string;
  readonly weights: WeightsManifest;
  /** True when both were found in the cache. */
  readonly cached: boolean;
}

export const programManifestFile = "artifact.json";
export const weightsManifestFile = "weights.json";

/** A larger file is hashed once and not at each start, for as long as its stamp stays. */
const SMALL_BYTES = 4 * 2 ** 20;

/** Two folders that were made or found, with their manifests. */
export type ArtifactParts = Omit<Artifact, "programPath" | "weightsPath">;

export function artifactOf({ files }: Host, parts: ArtifactParts): Artifact {
  const { folder, program, weightsFolder, weights } = parts;
  return {
    ...parts,
    programPath: files.join(folder, program.program.path),
    weightsPath: files.join(weightsFolder, weights.weights.path),
  };
}

/** Describes a file of a folder that is being filled. */
export function checkOf(host: Host, folder: string, path: string): FileCheck {
  const relative = path.startsWith(folder) ? path.slice(folder.length).replace(/^[/\\]+/, "") : path;
  const full = host.files.join(folder, relative);
  return { path: relative, sizeBytes: sizeOf(host, full), sha256: hashFile(host, full) };
}

/** The manifest of a program's folder; undefined when it is absent, of another key, or damaged. */
export function readProgram(host: Host, folder: string, key: string): ProgramManifest | undefined {
  const manifest = readManifest<ProgramManifest>(host, host.files.join(folder, programManifestFile));
  if (manifest?.key !== key) return undefined;
  return isIntact(host, folder, manifest.program) ? (manifest as ProgramManifest) : undefined;
}

/** The same for packed weights. */
export function readWeights(host: Host, folder: string, key: string): WeightsManifest | undefined {
  const manifest = readManifest<WeightsManifest>(host, host.files.join(folder, weightsManifestFile));
  if (manifest?.key !== key || !Array.isArray(manifest.quantization)) return undefined;
  return isIntact(host, folder, manifest.weights) ? (manifest as WeightsManifest) : undefined;
}

/** Our own file, but it may be cut short: anything unexpected means that what it describes is made again. */
function readManifest<T>({ files }: Host, path: string): Partial<T> | undefined {
  if (!files.exists(path)) return undefined;
  try {
    return JSON.parse(files.readText(path)) as Partial<T>;
  } catch {
    return undefined;
  }
}

function isIntact(host: Host, folder: string, check: Partial<FileCheck> | undefined): boolean {
  const { path = "", sizeBytes, sha256 } = check ?? {};
  if (!/^[A-Za-z0-9._-]+$/.test(path)) return false;
  const full = host.files.join(folder, path);
  if (!host.files.exists(full) || sizeOf(host, full) !== sizeBytes) return false;
  return (sizeBytes <= SMALL_BYTES ? hashFile(host, full) : rememberedHash(host, full)) === sha256;
}

function sizeOf({ files }: Host, path: string): number {
  const file = files.open(path);
  file.close();
  return file.sizeBytes;
}
