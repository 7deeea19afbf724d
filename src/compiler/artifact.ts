/**
 * Makes artifacts: the program of a compilation, in a folder named by the hash of its sources and of what
 * builds them, and its packed weights, in a folder named by what decides their bytes. Each is written aside,
 * renamed, and checked when it is used; a program that changes alone keeps its weights.
 */

import type { Artifact, ProgramManifest } from "../artifacts/index.js";
import { artifactOf, checkOf, programManifestFile, readProgram } from "../artifacts/index.js";
import type { Host } from "../base/index.js";
import type { Diagnostic, Result } from "../diagnostics/index.js";
import { diagnostic, failure, success } from "../diagnostics/index.js";
import type { Compilation, Progress } from "./compile.js";
import { packedWeights } from "./packed-weights.js";

/**
 * Finds the artifact of a compilation in the cache, or makes it. Throws `HostError` when the compiler fails.
 */
export async function buildArtifact(
  host: Host,
  compilation: Compilation,
  progress: Progress = {},
): Promise<Result<Artifact>> {
  const packed = await packedWeights(host, compilation, progress);
  if (!packed.ok) return packed;
  const built = await builtProgram(host, compilation, progress);
  if (!built.ok) return built;
  const { folder, program } = built.value;
  const { folder: weightsFolder, weights } = packed.value;
  const cached = built.value.cached && packed.value.cached;
  return success(artifactOf(host, { folder, program, weightsFolder, weights, cached }));
}

interface BuiltProgram {
  readonly folder: string;
  readonly program: ProgramManifest;
  readonly cached: boolean;
}

async function builtProgram(
  host: Host,
  compilation: Compilation,
  progress: Progress,
): Promise<Result<BuiltProgram>> {
  const { model, target } = compilation.plan;
  const key = programKey(host, compilation);
  const folder = cacheFolder(host, "artifacts", `${model}-${target}`, key);
  const found = readProgram(host, folder, key);
  if (found !== undefined) return success({ folder, program: found, cached: true });
  host.files.remove(folder);
  await host.files.writeFolder(folder, (temporary) => build(host, compilation, { temporary, key, progress }));
  const program = readProgram(host, folder, key);
  return program === undefined ? failure(damaged(folder)) : success({ folder, program, cached: false });
}

/** What was written does not match its checksums. */
export function damaged(folder: string): Diagnostic {
  return diagnostic(
    "plan/artifact-damaged",
    "an artifact does not match its checksums right after it was written",
    {
      at: folder,
      hint: "the disk is full or failing; set `LLMIR_CACHE` to another folder",
    },
  );
}

/** A folder of the cache, by a name that no model's can turn into a path, and the start of its key. */
export function cacheFolder({ files, cacheRoot }: Host, kind: string, name: string, key: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]/g, "_").replace(/^\.+/, "_").slice(0, 64);
  return files.join(cacheRoot, kind, `${safe}-${key.slice(0, 16)}`);
}

/** Everything that decides the bytes of a program. */
function programKey(host: Host, { files, options }: Compilation): string {
  const { architecture, features } = host.machine;
  const machine = [architecture, ...(options.arch === undefined ? features : [])].join(" ");
  const compiler = ["CC", "NVCC"].map((name) => host.environment(name) ?? "").join("\n");
  const sources = files.flatMap(({ path, text }) => [path, text]);
  return host.sha256([options.target, options.arch ?? "", machine, compiler].join("\n"), ...sources);
}

interface BuildRequest {
  readonly temporary: string;
  readonly key: string;
  readonly progress: Progress;
}

async function build(host: Host, compilation: Compilation, request: BuildRequest): Promise<void> {
  const { temporary, key, progress } = request;
  const { backend, plan, model, options } = compilation;
  writeSources(host, compilation, temporary);
  const started = host.nowMs();
  const built = await backend.build(host, temporary, options);
  progress.stage?.("build", host.nowMs() - started);
  const manifest: ProgramManifest = {
    key,
    model: model.name,
    target: plan.target,
    compiler: built.compiler,
    program: checkOf(host, temporary, built.programPath),
  };
  host.files.write(host.files.join(temporary, programManifestFile), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** Writes the emitted source into a folder. */
export function writeSources(host: Host, { files }: Compilation, folder: string): void {
  for (const { path, text } of files) {
    const full = host.files.join(folder, ...path.split("/"));
    host.files.makeFolder(host.files.join(full, ".."));
    host.files.write(full, text);
  }
}
