// GGUF files for tests, written byte by byte from a description, so that every field can be wrong.

import { writeFileSync } from "node:fs";

import type { Random } from "../../src/base/index.js";

/** Numbers of value types, as a file has them. */
export const ggufTypes = {
  u8: 0, i8: 1, u16: 2, i16: 3, u32: 4, i32: 5, f32: 6, bool: 7, string: 8, list: 9,
  u64: 10, i64: 11, f64: 12,
} as const;

export type GgufScalar = Exclude<keyof typeof ggufTypes, "list">;

export type GgufValue =
  | { readonly type: GgufScalar; readonly value: number | bigint | boolean | string }
  | { readonly type: "list"; readonly of: GgufScalar; readonly values: readonly (number | bigint | boolean | string)[] };

export interface GgufTensorSpec {
  readonly name: string;
  /** Innermost first, as in the file. */
  readonly extents: readonly (number | bigint)[];
  readonly type: number;
  /** After the tensors before it, aligned, when left out. */
  readonly offset?: number | bigint;
  readonly bytes?: Uint8Array;
}

export interface GgufSpec {
  readonly magic?: string;
  readonly version?: number;
  readonly tensorCount?: number | bigint;
  readonly entryCount?: number | bigint;
  readonly metadata?: Readonly<Record<string, GgufValue | Uint8Array>>;
  readonly tensors?: readonly GgufTensorSpec[];
  readonly alignment?: number;
}

/** Parts are joined as they are: a spec may lie about any of them. */
export function ggufBytes(spec: GgufSpec = {}): Uint8Array {
  const { metadata = {}, tensors = [], alignment = 32 } = spec;
  const parts: Uint8Array[] = [
    Buffer.from(spec.magic ?? "GGUF"),
    u32(spec.version ?? 3),
    u64(spec.tensorCount ?? tensors.length),
    u64(spec.entryCount ?? Object.keys(metadata).length),
  ];
  for (const [key, value] of Object.entries(metadata)) {
    parts.push(text(key), value instanceof Uint8Array ? value : valueBytes(value));
  }
  const align = (offset: number): number => Math.ceil(offset / alignment) * alignment;
  let end = 0;
  const data: Uint8Array[] = [];
  for (const { name, extents, type, offset, bytes = new Uint8Array(0) } of tensors) {
    const place = offset ?? align(end);
    parts.push(text(name), u32(extents.length), ...extents.map(u64), u32(type), u64(place));
    if (offset !== undefined) continue;
    data.push(new Uint8Array(align(end) - end), bytes);
    end = align(end) + bytes.length;
  }
  const header = Buffer.concat(parts);
  return Buffer.concat([header, new Uint8Array(align(header.length) - header.length), ...data]);
}

export function writeGgufFile(path: string, spec: GgufSpec): string {
  writeFileSync(path, ggufBytes(spec));
  return path;
}

export function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number | bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

export function text(value: string): Uint8Array {
  return Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
}

export function valueBytes(value: GgufValue): Uint8Array {
  if (value.type !== "list") return Buffer.concat([u32(ggufTypes[value.type]), scalarBytes(value.type, value.value)]);
  const values = value.values.map((each) => scalarBytes(value.of, each));
  return Buffer.concat([u32(ggufTypes.list), u32(ggufTypes[value.of]), u64(values.length), ...values]);
}

function scalarBytes(type: GgufScalar, value: number | bigint | boolean | string): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  const cut = (length: number): Uint8Array => new Uint8Array(view.buffer, 0, length);
  switch (type) {
    case "string":
      return text(String(value));
    case "u8":
    case "i8":
    case "bool":
      view.setInt8(0, Number(value));
      return cut(1);
    case "u16":
    case "i16":
      view.setInt16(0, Number(value), true);
      return cut(2);
    case "u32":
    case "i32":
      view.setInt32(0, Number(value), true);
      return cut(4);
    case "f32":
      view.setFloat32(0, Number(value), true);
      return cut(4);
    case "u64":
    case "i64":
      view.setBigInt64(0, BigInt(value as number | bigint), true);
      return cut(8);
    case "f64":
      view.setFloat64(0, Number(value), true);
      return cut(8);
  }
}

/** A copy with a few bytes changed, cut or repeated. */
export function damage(bytes: Uint8Array, random: Random, headerBytes: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const many = 1 + random.below(4);
  for (let i = 0; i < many; i++) {
    const at = random.below(headerBytes);
    const choice = random.below(4);
    if (choice === 0) copy[at] = random.below(256);
    else if (choice === 1) copy[at]! ^= 1 << random.below(8);
    else if (choice === 2) copy.fill(0xff, at, Math.min(copy.length, at + 8));
    else copy.copyWithin(at, random.below(headerBytes), random.below(headerBytes));
  }
  return random.below(5) === 0 ? copy.subarray(0, random.below(copy.length)) : copy;
}
