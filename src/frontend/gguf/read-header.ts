/**
 * Reads the header of a GGUF file, versions 2 and 3, little-endian: magic, version, counts, metadata,
 * descriptions of tensors. The file is untrusted: every count, length, type, offset and size is checked
 * against the file, so that no later read can leave it. Tensors are read later, one at a time.
 */

import type { RandomAccessFile } from "../../base/index.js";
import type { Diagnostic } from "../../diagnostics/index.js";
import { diagnostic, DiagnosticError } from "../../diagnostics/index.js";
import type { BlockType } from "./block-types.js";
import { blockTypes } from "./block-types.js";
import { ByteCursor, GgufFault } from "./byte-cursor.js";
import type { Metadata, MetadataValue, ScalarTypeName } from "./values.js";
import { scalarBytes, valueTypes } from "./values.js";

export interface GgufTensor {
  readonly name: string;
  readonly type: BlockType;
  /** Outermost first, as everywhere here; the file has it the other way round. */
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface GgufHeader {
  readonly version: 2 | 3;
  readonly metadata: Metadata;
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** Tensors start at multiples of this. */
  readonly alignment: number;
  /** Where the tensors' bytes begin. */
  readonly dataStart: number;
}

/** "GGUF", as a little-endian number. */
export const ggufMagic = 0x46554747;
export const defaultAlignment = 32;
const maxAlignment = 1 << 20;
const maxKeyBytes = 65535;
const maxNameBytes = 256;
const maxDims = 4;
const maxListDepth = 4;
/** A key's length, one byte of key, a type, a byte of value. */
const leastEntryBytes = 14;
/** A name's length, the number of dimensions, a type, an offset. */
const leastTensorBytes = 24;
/** More faults than this are not worth reading. */
const faultLimit = 20;

/** The checked header. Throws `DiagnosticError` with `model/invalid-gguf` or `model/unsupported-gguf`. */
export function readGgufHeader(file: RandomAccessFile): GgufHeader {
  const cursor = new ByteCursor(file);
  try {
    const version = readVersion(cursor, file);
    const tensorCount = cursor.count("the number of tensors", leastTensorBytes);
    const entryCount = cursor.count("the number of metadata entries", leastEntryBytes);
    const metadata = readMetadata(cursor, entryCount);
    const alignment = readAlignment(metadata);
    const described = readTensors(cursor, tensorCount);
    const dataStart = Math.ceil(cursor.offset / alignment) * alignment;
    const tensors = placeTensors(described, { file, alignment, dataStart });
    return { version, metadata, tensors, alignment, dataStart };
  } catch (error) {
    if (!(error instanceof GgufFault)) throw error;
    throw new DiagnosticError(invalidGguf(file, `the file ${error.message}`, cutShort));
  }
}

const cutShort = "the file is probably cut short or damaged; fetch it again";

function invalidGguf(file: RandomAccessFile, message: string, hint?: string): Diagnostic {
  return diagnostic("model/invalid-gguf", message, { at: file.path, ...(hint === undefined ? {} : { hint }) });
}

function readVersion(cursor: ByteCursor, file: RandomAccessFile): 2 | 3 {
  const magic = cursor.u32("its first four bytes");
  if (magic !== ggufMagic) throw new GgufFault("does not start with `GGUF`");
  const version = cursor.u32("the version");
  if (version === 2 || version === 3) return version;
  const isBigEndian = version !== 0 && (version & 0xffff) === 0;
  const message = isBigEndian
    ? "the file is big-endian"
    : `the file is of version ${version} of GGUF; versions 2 and 3 can be read`;
  const hint = "convert the model again with a current `convert_hf_to_gguf.py`";
  throw new DiagnosticError(diagnostic("model/unsupported-gguf", message, { at: file.path, hint }));
}

function readMetadata(cursor: ByteCursor, count: number): Metadata {
  const metadata = new Map<string, MetadataValue>();
  for (let i = 0; i < count; i++) {
    const key = readText(cursor, `the key of metadata entry ${i}`, maxKeyBytes);
    const shown = key.slice(0, 80);
    if (metadata.has(key)) throw new GgufFault(`has the metadata key \`${shown}\` twice`);
    const what = `the value of \`${shown}\``;
    metadata.set(key, readValue(cursor, cursor.u32(what), { what, depth: 0 }));
  }
  return metadata;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes that are not UTF-8 become U+FFFD: a vocabulary may hold such tokens. */
function readText(cursor: ByteCursor, what: string, maxBytes = Infinity): string {
  const length = cursor.count(`the length of ${what}`, 1);
  if (length > maxBytes) throw new GgufFault(`has ${length} bytes for ${what}; at most ${maxBytes} are allowed`);
  return decoder.decode(cursor.bytes(length, what));
}

interface ValuePlace {
  readonly what: string;
  /** Lists around the value. */
  readonly depth: number;
}

type ScalarReader = (cursor: ByteCursor, what: string) => number | boolean;

const scalarReaders: Readonly<Record<ScalarTypeName, ScalarReader>> = {
  u8: (cursor, what) => cursor.u8(what),
  i8: (cursor, what) => cursor.i8(what),
  u16: (cursor, what) => cursor.u16(what),
  i16: (cursor, what) => cursor.i16(what),
  u32: (cursor, what) => cursor.u32(what),
  i32: (cursor, what) => cursor.i32(what),
  f32: (cursor, what) => cursor.f32(what),
  bool: readFlag,
  u64: (cursor, what) => Number(cursor.u64(what)),
  i64: (cursor, what) => Number(cursor.i64(what)),
  f64: (cursor, what) => cursor.f64(what),
};

function readFlag(cursor: ByteCursor, what: string): boolean {
  const byte = cursor.u8(what);
  if (byte > 1) throw new GgufFault(`has ${byte} for ${what}, which is neither true nor false`);
  return byte === 1;
}

const scalarNames: ReadonlyMap<number, ScalarTypeName> = new Map(
  (Object.keys(scalarBytes) as ScalarTypeName[]).map((name) => [valueTypes[name], name]),
);

function readValue(cursor: ByteCursor, type: number, { what, depth }: ValuePlace): MetadataValue {
  const scalar = scalarNames.get(type);
  if (scalar !== undefined) return scalarReaders[scalar](cursor, what);
  if (type === valueTypes.string) return readText(cursor, what);
  if (type === valueTypes.list) return readList(cursor, { what, depth: depth + 1 });
  throw new GgufFault(`has the unknown type ${type} for ${what}`);
}

function readList(cursor: ByteCursor, place: ValuePlace): readonly MetadataValue[] {
  const { what, depth } = place;
  if (depth > maxListDepth) throw new GgufFault(`nests lists more than ${maxListDepth} deep in ${what}`);
  const type = cursor.u32(what);
  const scalar = scalarNames.get(type);
  // A text takes at least its length, a list its type and its length.
  const leastBytes = scalar !== undefined ? scalarBytes[scalar] : type === valueTypes.list ? 12 : 8;
  const count = cursor.count(`the number of elements of ${what}`, leastBytes);
  const values: MetadataValue[] = [];
  for (let i = 0; i < count; i++) values.push(readValue(cursor, type, place));
  return values;
}

function readAlignment(metadata: Metadata): number {
  const alignment = metadata.get("general.alignment") ?? defaultAlignment;
  const isPower = typeof alignment === "number" && alignment > 0 && Number.isInteger(Math.log2(alignment));
  if (!isPower || alignment > maxAlignment) {
    const found = typeof alignment === "number" ? String(alignment) : "no number";
    throw new GgufFault(`has ${found} for \`general.alignment\`, which must be a power of two up to ${maxAlignment}`);
  }
  return alignment;
}

/** A tensor as the file describes it; its offset is counted from the start of the data. */
interface Described {
  readonly name: string;
  readonly extents: readonly bigint[];
  readonly type: number;
  readonly offset: bigint;
}

function readTensors(cursor: ByteCursor, count: number): readonly Described[] {
  const described: Described[] = [];
  for (let i = 0; i < count; i++) {
    const name = readText(cursor, `the name of tensor ${i}`, maxNameBytes);
    const what = `the description of tensor \`${name}\``;
    const dims = cursor.u32(what);
    if (dims > maxDims) throw new GgufFault(`gives tensor \`${name}\` ${dims} dimensions; at most ${maxDims} are allowed`);
    const extents = Array.from({ length: dims }, () => cursor.u64(what));
    described.push({ name, extents, type: cursor.u32(what), offset: cursor.u64(what) });
  }
  return described;
}

interface DataPlace {
  readonly file: RandomAccessFile;
  readonly alignment: number;
  readonly dataStart: number;
}

/** Throws `DiagnosticError` with the first faults of all tensors. */
function placeTensors(described: readonly Described[], place: DataPlace): ReadonlyMap<string, GgufTensor> {
  const faults: Diagnostic[] = [];
  const tensors = new Map<string, GgufTensor>();
  for (const each of described) {
    const tensor = tensors.has(each.name) ? "is described twice" : placeTensor(each, place);
    if (typeof tensor === "string") faults.push(invalidGguf(place.file, `tensor \`${each.name}\` ${tensor}`));
    else tensors.set(each.name, tensor);
    if (faults.length >= faultLimit) break;
  }
  faults.push(...findOverlaps(place.file, [...tensors.values()]));
  if (faults.length > 0) throw new DiagnosticError(...faults.slice(0, faultLimit));
  return tensors;
}

/** The tensor, or what is wrong with it: the end of a sentence that starts with its name. */
function placeTensor({ name, extents, type: id, offset }: Described, place: DataPlace): GgufTensor | string {
  const { file, alignment, dataStart } = place;
  const type = blockTypes.get(id);
  if (type === undefined) return `has the unknown type ${id}`;
  const available = BigInt(Math.max(0, file.sizeBytes - dataStart));
  const first = extents[0] ?? 1n;
  if (first % BigInt(type.elements) !== 0n) {
    return `is stored as ${type.name} in blocks of ${type.elements}, which do not divide its rows of ${first}`;
  }
  const elements = extents.reduce((product, extent) => product * extent, 1n);
  const size = (elements / BigInt(type.elements)) * BigInt(type.bytes);
  if (offset % BigInt(alignment) !== 0n) return `starts at byte ${offset} of the data, not at a multiple of ${alignment}`;
  if (offset + size > available) {
    return `ends at byte ${offset + size} of the data, which has only ${available}`;
  }
  const shape = extents.map(Number).reverse();
  if (!shape.every(Number.isSafeInteger)) return `has a dimension of ${extents.join(" x ")}`;
  return { name, type, shape, offsetBytes: dataStart + Number(offset), sizeBytes: Number(size) };
}

function findOverlaps(file: RandomAccessFile, tensors: readonly GgufTensor[]): readonly Diagnostic[] {
  const placed = tensors
    .filter(({ sizeBytes }) => sizeBytes > 0)
    .sort((a, b) => a.offsetBytes - b.offsetBytes || (a.name < b.name ? -1 : 1));
  const faults: Diagnostic[] = [];
  // The one that reaches farthest so far: a long tensor may cover several that begin later.
  let farthest = { name: "", end: 0 };
  for (const { name, offsetBytes, sizeBytes } of placed) {
    if (offsetBytes < farthest.end) faults.push(invalidGguf(file, `tensors \`${farthest.name}\` and \`${name}\` overlap`));
    const end = offsetBytes + sizeBytes;
    if (end > farthest.end) farthest = { name, end };
  }
  return faults;
}
