/**
 * Artifacts: the emitted source, the built program and the packed weights of one compilation, in one
 * folder named by the hash of everything that went in. Written aside and renamed; checked when loaded.
 */

import type { Host } from "../base/index.js";
import type { Diagnostic, Result } from "../diagnostics/index.js";
import { diagnostic, failure, success } from "../diagnostics/index.js";
import type { Compilation, Progress } from "./compile.js";
import { hashFile, rememberedHash } from "./file-hash.js";
import type { QuantizationError } from "./pack.js";
import { packOnThreads } from "./pack-on-threads.js";

/** What `artifact.json` says. */
export interface ArtifactManifest {
  readonly key: string;
  readonly model: string;
  readonly target: string;
  readonly compiler: string;
  /** What the executor opens: a library, or the description of a program. */
  readonly program: FileCheck;
  readonly weights: FileCheck;
  readonly quantization: readonly QuantizationError[];
}

export interface FileCheck {
  /** Relative to the artifact's folder. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Only of a file that is small enough to be read at each start. */
  readonly sha256?: string;
}

export interface Artifact {
  readonly folder: string;
  readonly programPath: string;
  readonly weightsPath: string;
  readonly manifest: ArtifactManifest;
  /** True when it was found in the cache. */
  readonly cached: boolean;
}

/** A larger file is not read whole at each start; its size is checked. */
const CHECKED_BYTES = 64 * 2 ** 20;

/**
 * Finds the artifact of a compilation in the cache, or makes it. Throws `HostError` when the compiler fails.
 */
export async function buildArtifact(
  host: Host,
  compilation: Compilation,
  progress: Progress = {},
): Promise<Result<Artifact>> {
  const { weights } = compilation.model;
  if (weights === undefined) return failure(withoutWeights(compilation));
  const key = artifactKey(host, compilation);
  const { model, target } = compilation.plan;
  const folder = host.files.join(
    host.cacheRoot,
    "artifacts",
    `${safeName(model)}-${target}-${key.slice(0, 16)}`,
  );
  const cached = readArtifact(host, folder, key);
  if (cached !== undefined) return success(cached);
  host.files.remove(folder);
  const faults: Diagnostic[] = [];
  try {
    await host.files.writeFolder(folder, (temporary) =>
      fillFolder(host, compilation, { temporary, key, progress, faults }),
    );
  } catch (error) {
    if (faults.length > 0) return failure(...faults);
    throw error;
  }
  const made = readArtifact(host, folder, key);
  if (made === undefined) return failure(damaged(folder));
  return success({ ...made, cached: false });
}

function withoutWeights({ model }: Compilation): Diagnostic {
  return diagnostic("model/no-weights", `\`${model.name}\` is a configuration without weights`, {
    at: model.folder,
    hint: "give a folder with `model.safetensors` or a GGUF file with tensors, or plan only with `compile --weights none`",
  });
}

function damaged(folder: string): Diagnostic {
  return diagnostic(
    "plan/artifact-damaged",
    "an artifact does not match its checksums right after it was written",
    {
      at: folder,
      hint: "the disk is full or failing; set `LLMIR_CACHE` to another folder",
    },
  );
}

/** A folder name that no model name can turn into a path. */
function safeName(name: string): string {
  return name
    .replace(/[^A-Za-z0-9._-]/g, "_")
    .replace(/^\.+/, "_")
    .slice(0, 64);
}

/** Everything that decides the bytes of an artifact. */
function artifactKey(host: Host, { files, optimized, model, options }: Compilation): string {
  const terms = optimized.selected.constants.map(({ term }) => JSON.stringify(term));
  const machine = host.machine.features.join(" ");
  const compiler = ["CC", "NVCC"].map((name) => host.environment(name) ?? "").join("\n");
  const sources = files.flatMap(({ path, text }) => [path, text]);
  const identity = model.weights === undefined ? "" : fileIdentity(host, model.weights.location);
  return host.sha256(options.target, options.arch ?? "", machine, compiler, identity, ...terms, ...sources);
}

/** Hash of a file's content, or of all files that a sharded model's index stands beside. */
function fileIdentity(host: Host, location: string): string {
  if (location.endsWith(".gguf")) return rememberedHash(host, location);
  const folder = host.files.isDirectory(location) ? location : host.files.join(location, "..");
  const names = host.files.list(folder).filter((name) => name.endsWith(".safetensors"));
  return host.sha256(...names.map((name) => rememberedHash(host, host.files.join(folder, name))));
}

interface FillRequest {
  readonly temporary: string;
  readonly key: string;
  readonly progress: Progress;
  /** Collects what is wrong with the model, before the folder is given up. */
  readonly faults: Diagnostic[];
}

async function fillFolder(host: Host, compilation: Compilation, request: FillRequest): Promise<void> {
  const { temporary, key, progress, faults } = request;
  const { backend, plan, model } = compilation;
  writeSources(host, compilation, temporary);
  const packing = host.nowMs();
  const weightsPath = host.files.join(temporary, "weights.bin");
  const quantization = await packInto(host, compilation, { weightsPath, progress, faults });
  progress.stage?.("pack", host.nowMs() - packing);
  const building = host.nowMs();
  const built = await backend.build(host, temporary, compilation.options);
  progress.stage?.("build", host.nowMs() - building);
  const manifest: ArtifactManifest = {
    key,
    model: model.name,
    target: plan.target,
    compiler: built.compiler,
    program: checkOf(host, temporary, built.programPath),
    weights: checkOf(host, temporary, weightsPath),
    quantization,
  };
  host.files.write(
    host.files.join(temporary, "artifact.json"),
    `${JSON.stringify(manifest, undefined, 2)}\n`,
  );
}

/** Writes the emitted source into a folder. */
export function writeSources(host: Host, { files }: Compilation, folder: string): void {
  for (const { path, text } of files) {
    const full = host.files.join(folder, ...path.split("/"));
    host.files.makeFolder(host.files.join(full, ".."));
    host.files.write(full, text);
  }
}

/** Throws, with what is wrong with the weights in `faults`. */
async function packInto(
  host: Host,
  compilation: Compilation,
  { weightsPath, progress, faults }: Pick<FillRequest, "progress" | "faults"> & { readonly weightsPath: string },
): Promise<readonly QuantizationError[]> {
  const { plan, model, optimized, backend } = compilation;
  if (model.weights === undefined) throw new TypeError("packing needs weights");
  const file = host.files.create(weightsPath, plan.weights.sizeBytes);
  try {
    file.write(0, backend.weightHeader(plan));
    const packed = await packOnThreads(host, {
      plan,
      constants: optimized.selected.constants,
      registry: optimized.input.pricing.target.registry,
      weights: model.weights,
      writeAt: (offset, bytes) => {
        file.write(offset, bytes);
      },
      onPart: (done, total) => progress.step?.("pack", done, total),
    });
    if (packed.ok) return packed.value.quantization;
    faults.push(...packed.diagnostics);
    throw new Error("the weights cannot be packed");
  } finally {
    file.close();
  }
}

function checkOf(host: Host, folder: string, path: string): FileCheck {
  const relative = path.startsWith(folder) ? path.slice(folder.length).replace(/^[/\\]+/, "") : path;
  const full = host.files.join(folder, relative);
  const file = host.files.open(full);
  const { sizeBytes } = file;
  file.close();
  const isChecked = sizeBytes <= CHECKED_BYTES;
  return { path: relative, sizeBytes, ...(isChecked ? { sha256: hashFile(host, full) } : {}) };
}

/** The artifact in a folder, or undefined when it is absent, of another key, or damaged. */
function readArtifact(host: Host, folder: string, key: string): Artifact | undefined {
  const manifestPath = host.files.join(folder, "artifact.json");
  if (!host.files.exists(manifestPath)) return undefined;
  const manifest = parseManifest(host.files.readText(manifestPath));
  if (manifest?.key !== key) return undefined;
  const programPath = host.files.join(folder, manifest.program.path);
  const weightsPath = host.files.join(folder, manifest.weights.path);
  const intact = matches(host, programPath, manifest.program) && matches(host, weightsPath, manifest.weights);
  return intact ? { folder, programPath, weightsPath, manifest, cached: true } : undefined;
}

/** Our own file, but it may be cut short: anything unexpected means that the artifact is made again. */
function parseManifest(text: string): ArtifactManifest | undefined {
  try {
    const manifest = JSON.parse(text) as Partial<ArtifactManifest>;
    const whole =
      isFileCheck(manifest.program) && isFileCheck(manifest.weights) && typeof manifest.key === "string";
    return whole ? (manifest as ArtifactManifest) : undefined;
  } catch {
    return undefined;
  }
}

function isFileCheck(check: Partial<FileCheck> | undefined): boolean {
  return (
    typeof check?.path === "string" &&
    /^[A-Za-z0-9._-]+$/.test(check.path) &&
    (check.sha256 === undefined || typeof check.sha256 === "string")
  );
}

/** Size always; content when the file is small enough not to delay a start. */
function matches(host: Host, path: string, check: FileCheck): boolean {
  if (!host.files.exists(path)) return false;
  const file = host.files.open(path);
  const { sizeBytes } = file;
  file.close();
  if (sizeBytes !== check.sizeBytes) return false;
  return check.sha256 === undefined || hashFile(host, path) === check.sha256;
}
