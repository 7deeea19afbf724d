/**
 * The packed weights of a compilation, from the cache or made. Their key is what decides their bytes: the
 * model's file by content, the terms and places of constants, and what today's code makes of a sample of
 * each. Kernels that read them are not part of it, so editing one repacks nothing.
 */

import type { WeightsManifest } from "../artifacts/index.js";
import { checkOf, readWeights, rememberedHash, weightsManifestFile } from "../artifacts/index.js";
import type { Host } from "../base/index.js";
import { invariant } from "../base/index.js";
import type { Diagnostic, Result } from "../diagnostics/index.js";
import { diagnostic, failure, success } from "../diagnostics/index.js";
import { cacheFolder, damaged } from "./artifact.js";
import type { Compilation, Progress } from "./compile.js";
import type { PackInput } from "./pack.js";
import { packSamples } from "./pack.js";
import { packOnThreads } from "./pack-on-threads.js";

export interface PackedWeights {
  readonly folder: string;
  readonly weights: WeightsManifest;
  readonly cached: boolean;
}

const weightsFile = "weights.bin";

export async function packedWeights(
  host: Host,
  compilation: Compilation,
  progress: Progress,
): Promise<Result<PackedWeights>> {
  const { model, plan } = compilation;
  if (model.weights === undefined) return failure(withoutWeights(compilation));
  const key = weightsKey(host, compilation);
  const folder = cacheFolder(host, "weights", plan.model, key);
  const found = readWeights(host, folder, key);
  if (found !== undefined) return success({ folder, weights: found, cached: true });
  host.files.remove(folder);
  const faults: Diagnostic[] = [];
  try {
    await host.files.writeFolder(folder, (temporary) =>
      pack(host, compilation, { temporary, key, progress, faults }),
    );
  } catch (error) {
    if (faults.length > 0) return failure(...faults);
    throw error;
  }
  const weights = readWeights(host, folder, key);
  return weights === undefined ? failure(damaged(folder)) : success({ folder, weights, cached: false });
}

function withoutWeights({ model }: Compilation): Diagnostic {
  return diagnostic("model/no-weights", `\`${model.name}\` is a configuration without weights`, {
    at: model.folder,
    hint: "give a folder with `model.safetensors` or a GGUF file with tensors, or plan only with `compile --weights none`",
  });
}

function weightsKey(host: Host, compilation: Compilation): string {
  const { plan, backend, optimized, model } = compilation;
  invariant(model.weights !== undefined, "packing needs weights");
  const terms = optimized.selected.constants.map(({ term }) => JSON.stringify(term));
  const identity = fileIdentity(host, model.weights.location);
  const samples = packSamples(packInput(compilation, () => undefined)).map((bytes) => host.sha256(bytes));
  return host.sha256(identity, backend.weightHeader(plan), [...terms, ...samples].join("\n"));
}

/** Hash of a file's content, or of all files that a sharded model's index stands beside. */
function fileIdentity(host: Host, location: string): string {
  if (location.endsWith(".gguf")) return rememberedHash(host, location);
  const folder = host.files.isDirectory(location) ? location : host.files.join(location, "..");
  const names = host.files.list(folder).filter((name) => name.endsWith(".safetensors"));
  return host.sha256(...names.map((name) => rememberedHash(host, host.files.join(folder, name))));
}

function packInput({ plan, optimized, model }: Compilation, writeAt: PackInput["writeAt"]): PackInput {
  invariant(model.weights !== undefined, "packing needs weights");
  const { selected: { constants }, input: { pricing } } = optimized;
  return { plan, constants, registry: pricing.target.registry, weights: model.weights, writeAt };
}

interface PackRequest {
  readonly temporary: string;
  readonly key: string;
  readonly progress: Progress;
  /** Collects what is wrong with the model, before the folder is given up. */
  readonly faults: Diagnostic[];
}

async function pack(host: Host, compilation: Compilation, request: PackRequest): Promise<void> {
  const { temporary, key, progress, faults } = request;
  const { plan, backend } = compilation;
  const started = host.nowMs();
  const path = host.files.join(temporary, weightsFile);
  const file = host.files.create(path, plan.weights.sizeBytes);
  try {
    file.write(0, backend.weightHeader(plan));
    const input = packInput(compilation, (offset, bytes) => {
      file.write(offset, bytes);
    });
    const packed = await packOnThreads(host, {
      ...input,
      onPart: (done, total) => progress.step?.("pack", done, total),
    });
    if (!packed.ok) {
      faults.push(...packed.diagnostics);
      throw new Error("the weights cannot be packed");
    }
    const { quantization } = packed.value;
    const manifest: WeightsManifest = { key, weights: checkOf(host, temporary, path), quantization };
    const manifestPath = host.files.join(temporary, weightsManifestFile);
    host.files.write(manifestPath, `${JSON.stringify(manifest, undefined, 2)}\n`);
  } finally {
    file.close();
  }
  progress.stage?.("pack", host.nowMs() - started);
}
