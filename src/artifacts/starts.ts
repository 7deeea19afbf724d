/**
 * Starts that are remembered. What a model's files, the options and the compiler come to is written down once
 * a program has run, so that the next start with the same ones opens library and weights, and neither reads
 * rules nor optimizes. A memory that is lost, damaged or stale costs the time of a compilation and nothing
 * else: its name is a hash of everything that goes into a compilation, and what it names is checked again.
 */

import type { Host } from "../base/index.js";
import type { Capacity } from "../plan/index.js";
import type { Artifact } from "./manifest.js";
import { artifactOf, readProgram, readWeights } from "./manifest.js";
import type { CompileOptions } from "./options.js";

/** What running needs to know of a program. */
export interface ProgramFacts {
  readonly model: string;
  readonly target: string;
  /** Whether processors of the host run it, and not a device. */
  readonly runsOnHost: boolean;
  readonly vocabulary: number;
  readonly capacity: Capacity;
  /** Token slots in one block of the KV cache, and its bytes. */
  readonly blockSize: number;
  readonly blockBytes: number;
  /** Threads that the program was priced for. */
  readonly threads: number;
  /** A model folder, or a GGUF file. */
  readonly tokenizerPath: string;
}

/** A program that can be opened. */
export interface Start {
  readonly facts: ProgramFacts;
  readonly artifact: Artifact;
}

export interface StartRequest {
  /** Of the model, as it was given. */
  readonly path: string;
  readonly options: Partial<CompileOptions>;
}

/** Folders of models with more entries are not remembered. */
const MOST_ENTRIES = 1000;

/** A file that changed so recently could change again without a new stamp. */
const SETTLED_MS = 2000;

/**
 * Names the memory of a request: another text whenever the compilation could come out otherwise. Undefined
 * when that cannot be told.
 */
export function startKey(host: Host, { path, options }: StartRequest): string | undefined {
  const { programIdentity, machine } = host;
  const { ruleFiles = [] } = options;
  // A file of rules may import any other.
  if (programIdentity === undefined || ruleFiles.length > 0) return undefined;
  const model = modelStamps(host, host.files.resolve(path));
  if (model === undefined) return undefined;
  const environment = ["CC", "NVCC"].map((name) => `${name}=${host.environment(name) ?? ""}`);
  const shipped = ["rules", "backends"].map((name) => host.files.join(host.assetRoot, name));
  const folders = [...shipped, measurementsFolder(host)];
  const assets = folders.flatMap((folder) => stampsBelow(host, folder));
  return host.sha256(
    [programIdentity, ...environment, JSON.stringify(machine), describeOptions(options)].join("\n"),
    [...model, ...assets].join("\n"),
  );
}

/** Where measurements of this machine are kept, a folder for each target. */
export function measurementsFolder({ files, cacheRoot }: Host): string {
  return files.join(cacheRoot, "hardware");
}

function describeOptions(options: Partial<CompileOptions>): string {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const words = given.map(([name, value]) => [name, typeof value === "number" ? String(value) : value] as const);
  return JSON.stringify(words.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Undefined when there is no such model, or one of its files has changed just now. */
function modelStamps(host: Host, path: string): readonly string[] | undefined {
  const { files } = host;
  if (!files.exists(path)) return undefined;
  const names = files.isDirectory(path) ? files.list(path) : [""];
  if (names.length > MOST_ENTRIES) return undefined;
  const paths = names.map((name) => files.join(path, name));
  const stamps = paths.map((each) => ({ path: each, ...files.stamp(each) }));
  if (stamps.some(({ ageMs }) => ageMs < SETTLED_MS)) return undefined;
  return stamps.map((each) => `${each.path} ${each.text}`);
}

function stampsBelow(host: Host, folder: string): readonly string[] {
  const { files } = host;
  if (!files.isDirectory(folder)) return [];
  return files.list(folder).flatMap((name) => {
    const path = files.join(folder, name);
    return files.isDirectory(path) ? stampsBelow(host, path) : [`${path} ${files.stamp(path).text}`];
  });
}

interface Memory {
  readonly facts: ProgramFacts;
  readonly program: FolderMemory;
  readonly weights: FolderMemory;
}

interface FolderMemory {
  /** Names from the root of the cache. */
  readonly path: readonly string[];
  /** Of the folder's manifest. */
  readonly key: string;
}

/** The program of a request that has started before, when all of it is still there and intact. */
export function recallStart(host: Host, key: string): Start | undefined {
  const memory = readMemory(host, key);
  if (memory === undefined) return undefined;
  const { facts } = memory;
  const { files, cacheRoot } = host;
  const folder = files.join(cacheRoot, ...memory.program.path);
  const weightsFolder = files.join(cacheRoot, ...memory.weights.path);
  const program = readProgram(host, folder, memory.program.key);
  const weights = readWeights(host, weightsFolder, memory.weights.key);
  if (program === undefined || weights === undefined || !files.exists(facts.tokenizerPath)) return undefined;
  return { facts, artifact: artifactOf(host, { folder, program, weightsFolder, weights, cached: true }) };
}

/** Writes down what a request came to. Not for programs of a device, which must be asked at each start. */
export function rememberStart(host: Host, key: string, { facts, artifact }: Start): void {
  const { folder, program, weightsFolder, weights } = artifact;
  const memory: Memory = {
    facts,
    program: { path: pathInCache(host, folder), key: program.key },
    weights: { path: pathInCache(host, weightsFolder), key: weights.key },
  };
  const text = JSON.stringify(memory);
  host.files.write(memoryPath(host, key), `${host.sha256(text)}\n${text}\n`);
}

function pathInCache({ cacheRoot }: Host, folder: string): readonly string[] {
  return folder.slice(cacheRoot.length).split(/[/\\]+/).filter((name) => name !== "");
}

function memoryPath({ files, cacheRoot }: Host, key: string): string {
  return files.join(cacheRoot, "starts", `${key}.json`);
}

/** A line with the hash of what follows it. */
function readMemory(host: Host, key: string): Memory | undefined {
  const path = memoryPath(host, key);
  if (!host.files.exists(path)) return undefined;
  const [hash = "", text = ""] = host.files.readText(path).split("\n");
  return host.sha256(text) === hash ? (JSON.parse(text) as Memory) : undefined;
}
