/**
 * Reads one safetensors file: eight bytes with the length of a JSON header, the header, the tensors'
 * bytes. The header is untrusted: every size, offset and shape is checked against the file before a
 * byte is read, so that no later read can leave the file. Holes between tensors are allowed, overlaps not.
 */

import type { RandomAccessFile } from "../base/index.js";
import type { Diagnostic } from "../diagnostics/index.js";
import { didYouMean, diagnostic, DiagnosticError } from "../diagnostics/index.js";
import { describeJson, findRepeatedKey, isJsonObject } from "./json.js";

/** A tensor as the header describes it. */
export interface SafetensorsEntry {
  readonly name: string;
  /** As the file spells it: `F32`, `BF16`, `I64` … */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export type SafetensorsEntries = ReadonlyMap<string, SafetensorsEntry>;

/** Bits of an element, by the format's names. */
const elementBits: Readonly<Record<string, number>> = {
  BOOL: 8, U8: 8, I8: 8, I16: 16, U16: 16, I32: 32, U32: 32, I64: 64, U64: 64,
  F4: 4, F6_E2M3: 6, F6_E3M2: 6, F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8,
  F16: 16, BF16: 16, F32: 32, F64: 64, C64: 64,
};

/** The limit of the reference implementation. */
const headerLimitBytes = 100_000_000;
const lengthBytes = 8;
/** More faults than this are not worth reading. */
const faultLimit = 20;

/** The checked header of a file. Throws `DiagnosticError` with `model/invalid-safetensors`. */
export function readSafetensorsHeader(file: RandomAccessFile): SafetensorsEntries {
  const length = headerLength(file);
  const header = parseHeader(file, length);
  const faults: Diagnostic[] = [];
  const entries = new Map<string, SafetensorsEntry>();
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const entry = readEntry(value, { name, file, dataStart: lengthBytes + length });
    if (typeof entry === "string") faults.push(fault(file, `tensor \`${name}\` ${entry}`));
    else entries.set(name, entry);
  }
  faults.push(...findOverlaps(file, entries));
  if (faults.length > 0) throw new DiagnosticError(...faults.slice(0, faultLimit));
  return entries;
}

function fault(file: RandomAccessFile, message: string, hint?: string): Diagnostic {
  return diagnostic("model/invalid-safetensors", message, {
    at: file.path,
    ...(hint === undefined ? {} : { hint }),
  });
}

function headerLength(file: RandomAccessFile): number {
  const again = "the file is probably cut short or not a safetensors file; fetch it again";
  if (file.sizeBytes < lengthBytes) {
    throw new DiagnosticError(fault(file, `a file of ${file.sizeBytes} bytes has no safetensors header`, again));
  }
  const bytes = file.read(0, lengthBytes);
  const length = new DataView(bytes.buffer, bytes.byteOffset, lengthBytes).getBigUint64(0, true);
  if (length > BigInt(headerLimitBytes)) {
    const message = `the header says it is ${length} bytes long; the limit is ${headerLimitBytes}`;
    throw new DiagnosticError(fault(file, message, again));
  }
  if (Number(length) > file.sizeBytes - lengthBytes) {
    const message = `the header says it is ${length} bytes long, but the file has only ${file.sizeBytes} bytes`;
    throw new DiagnosticError(fault(file, message, again));
  }
  return Number(length);
}

function parseHeader(file: RandomAccessFile, length: number): Readonly<Record<string, unknown>> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(file.read(lengthBytes, length));
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    throw new DiagnosticError(fault(file, "the header is not valid JSON"));
  }
  if (!isJsonObject(value)) throw new DiagnosticError(fault(file, "the header is not a JSON object"));
  const repeated = findRepeatedKey(text);
  if (repeated !== undefined) throw new DiagnosticError(fault(file, `the header has the key \`${repeated}\` twice`));
  return value;
}

interface EntryContext {
  readonly name: string;
  readonly file: RandomAccessFile;
  readonly dataStart: number;
}

/** The entry, or what is wrong with it: the end of a sentence that starts with the tensor. */
function readEntry(value: unknown, { name, file, dataStart }: EntryContext): SafetensorsEntry | string {
  if (!isJsonObject(value)) return `is described by ${describeJson(value)}, not by an object`;
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string") return "has no `dtype`";
  const bits = Object.hasOwn(elementBits, dtype) ? elementBits[dtype] : undefined;
  if (bits === undefined) return unknownDtype(dtype);
  if (!isCounts(shape)) return "has a `shape` that is not a list of whole numbers from 0";
  if (!isCounts(offsets) || offsets.length !== 2) return "has no `data_offsets` of two whole numbers";
  const [begin, end] = [offsets[0]!, offsets[1]!];
  if (begin > end) return `ends (${end}) before it begins (${begin})`;
  const available = file.sizeBytes - dataStart;
  if (end > available) return `ends at byte ${end} of the data, which has only ${available}`;
  const sizeBytes = storedBytes(shape, bits);
  if (sizeBytes !== end - begin) {
    return `of shape [${shape.join(", ")}] and dtype ${dtype} does not fill its ${end - begin} bytes`;
  }
  return { name, dtype, shape, offsetBytes: dataStart + begin, sizeBytes };
}

function unknownDtype(dtype: string): string {
  const suggestion = didYouMean(dtype.toUpperCase(), Object.keys(elementBits));
  return `has the unknown dtype \`${dtype}\`${suggestion === undefined ? "" : `; ${suggestion}`}`;
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= 0);
}

/** Bytes of a shape, or undefined where the product leaves the safe integers or splits a byte. */
function storedBytes(shape: readonly number[], bits: number): number | undefined {
  if (shape.includes(0)) return 0;
  let total = bits;
  for (const dim of shape) total *= dim;
  return Number.isSafeInteger(total) && total % 8 === 0 ? total / 8 : undefined;
}

function findOverlaps(file: RandomAccessFile, entries: SafetensorsEntries): Diagnostic[] {
  const faults: Diagnostic[] = [];
  const placed = [...entries.values()]
    .filter((each) => each.sizeBytes > 0)
    .sort((a, b) => a.offsetBytes - b.offsetBytes || (a.name < b.name ? -1 : 1));
  // The one that reaches farthest so far: a long tensor may cover several that begin later.
  let farthest = { name: "", end: 0 };
  for (const { name, offsetBytes, sizeBytes } of placed) {
    if (offsetBytes < farthest.end) {
      faults.push(fault(file, `tensors \`${farthest.name}\` and \`${name}\` overlap`));
    }
    const end = offsetBytes + sizeBytes;
    if (end > farthest.end) farthest = { name, end };
  }
  return faults;
}
