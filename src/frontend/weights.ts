/**
 * Where weights come from, and those of a model folder: one `model.safetensors`, or shards named by an
 * index. Headers are read and checked when the source is opened; tensors are read one at a time, so that a
 * model may be larger than memory.
 */

import type { Files, RandomAccessFile } from "../base/index.js";
import { invariant } from "../base/index.js";
import type { Diagnostic } from "../diagnostics/index.js";
import { diagnostic, DiagnosticError } from "../diagnostics/index.js";
import type { FloatDType, QuantizedValue, TensorValue } from "../ir/index.js";
import type { CodeFormatName } from "./gguf/block-codes.js";
import { describeJson, isJsonObject, parseJsonObject } from "./json.js";
import type { SafetensorsEntry } from "./safetensors.js";
import { readSafetensorsHeader } from "./safetensors.js";
import { widenFloats } from "./widen.js";

/** How a weight stands in the graph: floats, or codes in one of GGML's formats. */
export type WeightDType = FloatDType | Lowercase<CodeFormatName>;

export interface WeightInfo {
  /** Undefined when the stored format is not one that can be read; `storedDtype` names it. */
  readonly dtype: WeightDType | undefined;
  readonly storedDtype: string;
  /** As stored, [out, in] for a matrix; codes stand transposed in the graph. */
  readonly shape: readonly number[];
  readonly sizeBytes: number;
}

export interface WeightSource {
  /** The file or folder, for messages. */
  readonly location: string;
  /** Sorted. */
  readonly names: readonly string[];
  has(name: string): boolean;
  /** The tensor must exist: ask `has` first. */
  info(name: string): WeightInfo;
  /**
   * Numbers widened to binary32, under the dtype that `info` states, or codes and scales. The tensor must
   * exist in a format that can be read.
   */
  read(name: string): TensorValue | QuantizedValue;
  /** The same for `count` rows, as stored, of a matrix; they are columns of codes. */
  readRows(name: string, first: number, count: number): TensorValue | QuantizedValue;
  /** The bytes as stored. */
  readRaw(name: string): Uint8Array;
  /** Closes the files; nothing can be read afterwards. */
  close(): void;
}

const singleFile = "model.safetensors";
const indexFile = "model.safetensors.index.json";

const floatDtypes: Readonly<Record<string, FloatDType>> = { F32: "f32", F16: "f16", BF16: "bf16" };

/** Opens a folder's weights. Throws `DiagnosticError`; no file stays open then. */
export function openWeights(folder: string, files: Files): WeightSource {
  const single = files.join(folder, singleFile);
  if (files.exists(single)) return openSafetensors(single, [single], files);
  const index = files.join(folder, indexFile);
  if (files.exists(index)) return openSharded(folder, files);
  throw new DiagnosticError(
    diagnostic("model/no-weights", `the folder has neither \`${singleFile}\` nor \`${indexFile}\``, {
      at: folder,
      hint: "give a GGUF file itself; other formats (`pytorch_model.bin`) must be converted to safetensors first",
    }),
  );
}

interface Located {
  readonly file: RandomAccessFile;
  readonly entry: SafetensorsEntry;
}

/** Opens weight files as one source; a tensor that occurs in two of them is an error. */
function openSafetensors(location: string, paths: readonly string[], files: Files): WeightSource {
  const opened: RandomAccessFile[] = [];
  const tensors = new Map<string, Located>();
  const faults: Diagnostic[] = [];
  try {
    for (const path of paths) {
      const file = files.open(path);
      opened.push(file);
      faults.push(...addTensors(tensors, file));
    }
    if (faults.length > 0) throw new DiagnosticError(...faults);
  } catch (error) {
    for (const file of opened) file.close();
    throw error;
  }
  return createSource(location, tensors, opened);
}

function addTensors(tensors: Map<string, Located>, file: RandomAccessFile): readonly Diagnostic[] {
  const faults: Diagnostic[] = [];
  for (const [name, entry] of readHeaderOrFaults(file, faults)) {
    const other = tensors.get(name);
    if (other === undefined) {
      tensors.set(name, { file, entry });
    } else {
      const message = `tensor \`${name}\` is also in \`${other.file.path}\``;
      faults.push(diagnostic("model/invalid-safetensors", message, { at: file.path }));
    }
  }
  return faults;
}

/** Faults of one shard must not hide those of the next. */
function readHeaderOrFaults(
  file: RandomAccessFile,
  faults: Diagnostic[],
): Iterable<[string, SafetensorsEntry]> {
  try {
    return readSafetensorsHeader(file);
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    faults.push(...error.diagnostics);
    return [];
  }
}

function createSource(
  location: string,
  tensors: ReadonlyMap<string, Located>,
  opened: readonly RandomAccessFile[],
): WeightSource {
  const locate = (name: string): Located => {
    const located = tensors.get(name);
    invariant(located !== undefined, `the weights have no tensor ${name}`);
    return located;
  };
  const readRaw = (name: string): Uint8Array => {
    const { file, entry } = locate(name);
    return file.read(entry.offsetBytes, entry.sizeBytes);
  };
  const widen = (name: string, shape: readonly number[], bytes: Uint8Array): TensorValue => {
    const { dtype: stored } = locate(name).entry;
    const dtype = floatDtypes[stored];
    invariant(dtype !== undefined, `tensor ${name} is stored as ${stored}`);
    return { kind: "tensor", dtype, shape, data: widenFloats(dtype, bytes) };
  };
  return {
    location,
    names: [...tensors.keys()].sort(),
    has: (name) => tensors.has(name),
    info: (name) => {
      const { dtype, shape, sizeBytes } = locate(name).entry;
      return { dtype: floatDtypes[dtype], storedDtype: dtype, shape, sizeBytes };
    },
    read: (name) => widen(name, locate(name).entry.shape, readRaw(name)),
    readRows: (name, first, count) => {
      const { file, entry } = locate(name);
      return widen(name, entry.shape.with(0, count), readRowBytes(file, entry, { first, count }));
    },
    readRaw,
    close: () => {
      for (const file of opened) file.close();
    },
  };
}

/** Where a matrix lies in a file, row by row. */
export interface StoredMatrix {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly shape: readonly number[];
}

/** The bytes of some of its rows. */
export function readRowBytes(
  file: RandomAccessFile,
  { offsetBytes, sizeBytes, shape }: StoredMatrix,
  { first, count }: { readonly first: number; readonly count: number },
): Uint8Array {
  const rows = shape[0] ?? 0;
  invariant(shape.length === 2 && first >= 0 && count > 0 && first + count <= rows, "rows of a matrix are read");
  const rowBytes = sizeBytes / rows;
  return file.read(offsetBytes + first * rowBytes, count * rowBytes);
}

function openSharded(folder: string, files: Files): WeightSource {
  const path = files.join(folder, indexFile);
  const map = parseJsonObject(files.readText(path), path)["weight_map"];
  if (!isJsonObject(map) || Object.keys(map).length === 0) {
    const message = `\`weight_map\` must map tensors to files, found ${describeJson(map)}`;
    throw new DiagnosticError(diagnostic("model/invalid-index", message, { at: path }));
  }
  const shards = shardNames(map, path);
  const missing = shards.filter((each) => !files.exists(files.join(folder, each)));
  if (missing.length > 0) throw new DiagnosticError(...missing.map((each) => missingShard(each, path)));
  const paths = shards.map((each) => files.join(folder, each));
  return openSafetensors(folder, paths, files);
}

function missingShard(shard: string, path: string): Diagnostic {
  return diagnostic("model/missing-shard", `the folder lacks \`${shard}\`, which the index names`, {
    at: path,
    hint: "the download is incomplete; fetch the missing file",
  });
}

/** The files that the index names, each once, sorted. A name that leaves the folder is refused. */
function shardNames(map: Readonly<Record<string, unknown>>, path: string): readonly string[] {
  const names = new Set<string>();
  const faults = new Map<unknown, Diagnostic>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (isShardName(shard)) {
      names.add(shard);
    } else if (!faults.has(shard)) {
      const message = `tensor \`${tensor}\` is in ${describeJson(shard)}, which is not a file of this folder`;
      faults.set(shard, diagnostic("model/invalid-index", message, {
        at: path,
        hint: "a shard is a plain name such as `model-00001-of-00002.safetensors`",
      }));
    }
  }
  if (faults.size > 0) throw new DiagnosticError(...[...faults.values()].slice(0, 20));
  return [...names].sort();
}

function isShardName(value: unknown): value is string {
  return typeof value === "string" && /^[^/\\:\0]+\.safetensors$/.test(value) && !value.startsWith(".");
}
