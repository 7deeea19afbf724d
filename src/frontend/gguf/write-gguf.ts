/**
 * Writes a GGUF file, version 3: the header, then each tensor at a multiple of the alignment. Sizes are known
 * before a tensor is computed, so that one tensor is in memory at a time.
 */

import type { WritableFile } from "../../base/index.js";
import { invariant } from "../../base/index.js";
import { blockTypeId, blockTypeNamed } from "./block-types.js";
import { defaultAlignment, ggufMagic } from "./read-header.js";
import { valueTypes } from "./values.js";

/** A value with the type it is stored in. */
export type StoredValue =
  | { readonly kind: "u32" | "i32" | "f32"; readonly value: number }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "i32s" | "f32s"; readonly value: readonly number[] };

export interface MetadataEntry {
  readonly key: string;
  readonly stored: StoredValue;
}

/** A tensor to be written. */
export interface PlannedTensor {
  readonly name: string;
  /** As `BlockType` names it. */
  readonly type: string;
  /** Outermost first. */
  readonly shape: readonly number[];
  /** Called once, in the order of the file. As long as type and shape say. */
  readonly bytes: () => Uint8Array;
}

export interface GgufContent {
  readonly metadata: readonly MetadataEntry[];
  readonly tensors: readonly PlannedTensor[];
}

export interface GgufPlan extends GgufContent {
  readonly header: Uint8Array;
  /** From the start of the file, by tensor. */
  readonly offsets: readonly number[];
  readonly sizeBytes: number;
}

export function planGguf(content: GgufContent): GgufPlan {
  let end = 0;
  const relative = content.tensors.map((tensor) => {
    const offset = align(end);
    end = offset + tensorBytes(tensor);
    return offset;
  });
  const header = headerBytes(content, relative);
  const offsets = relative.map((each) => header.length + each);
  return { ...content, header, offsets, sizeBytes: header.length + align(end) };
}

/** `file` is as large as the plan says, and all zeros. */
export function writeGguf(
  { header, tensors, offsets }: GgufPlan,
  file: WritableFile,
  onTensor: (done: number, total: number) => void = () => undefined,
): void {
  file.write(0, header);
  tensors.forEach((tensor, i) => {
    const bytes = tensor.bytes();
    invariant(bytes.length === tensorBytes(tensor), `${tensor.name} fills its place`);
    file.write(offsets[i]!, bytes);
    onTensor(i + 1, tensors.length);
  });
}

function align(offset: number): number {
  return Math.ceil(offset / defaultAlignment) * defaultAlignment;
}

export function tensorBytes({ type, shape }: Pick<PlannedTensor, "type" | "shape">): number {
  const block = blockTypeNamed(type);
  invariant(block !== undefined, `${type} is a format of tensors`);
  return (shape.reduce((count, extent) => count * extent, 1) / block.elements) * block.bytes;
}

/** Padded, so that the data begins where it ends. */
function headerBytes({ metadata, tensors }: GgufContent, offsets: readonly number[]): Uint8Array {
  const sink = new ByteSink();
  sink.u32(ggufMagic);
  sink.u32(3);
  sink.u64(tensors.length);
  sink.u64(metadata.length);
  for (const { key, stored } of metadata) {
    sink.text(key);
    addValue(sink, stored);
  }
  tensors.forEach(({ name, type, shape }, i) => {
    sink.text(name);
    sink.u32(shape.length);
    for (const extent of shape.toReversed()) sink.u64(extent);
    sink.u32(blockTypeId(type) ?? 0);
    sink.u64(offsets[i]!);
  });
  return sink.padded(defaultAlignment);
}

function addValue(sink: ByteSink, stored: StoredValue): void {
  switch (stored.kind) {
    case "u32":
    case "i32":
    case "f32":
      sink.u32(valueTypes[stored.kind]);
      sink[stored.kind](stored.value);
      break;
    case "bool":
      sink.u32(valueTypes.bool);
      sink.u8(stored.value ? 1 : 0);
      break;
    case "string":
      sink.u32(valueTypes.string);
      sink.text(stored.value);
      break;
    case "strings":
      sink.list(valueTypes.string, stored.value.length);
      for (const each of stored.value) sink.text(each);
      break;
    case "i32s":
      sink.list(valueTypes.i32, stored.value.length);
      for (const each of stored.value) sink.i32(each);
      break;
    case "f32s":
      sink.list(valueTypes.f32, stored.value.length);
      for (const each of stored.value) sink.f32(each);
  }
}

/** Bytes that grow. Invariant: the first `#length` of `#bytes` are written. */
class ByteSink {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #encoder = new TextEncoder();

  u8(value: number): void {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
  }

  i32(value: number): void {
    const at = this.#room(4);
    this.#view.setInt32(at, value, true);
  }

  f32(value: number): void {
    const at = this.#room(4);
    this.#view.setFloat32(at, value, true);
  }

  u64(value: number): void {
    const at = this.#room(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  text(value: string): void {
    const bytes = this.#encoder.encode(value);
    this.u64(bytes.length);
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  list(type: number, length: number): void {
    this.u32(valueTypes.list);
    this.u32(type);
    this.u64(length);
  }

  padded(alignment: number): Uint8Array {
    this.#room(Math.ceil(this.#length / alignment) * alignment - this.#length);
    return this.#bytes.slice(0, this.#length);
  }

  /** Where `count` new bytes start. The view may change: ask before it is used. */
  #room(count: number): number {
    const start = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#length);
      grown.set(this.#bytes.subarray(0, start));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return start;
  }
}
