// Damaged GGUF files: the fields of a valid header, found by walking it, and changes to them that stay in
// step with the rest of the file, so that faults lie deeper than the first count.

import type { Random } from "../../src/base/index.js";
import { damage, ggufTypes, u32, u64 } from "./gguf.js";

type FieldKind = "count" | "length" | "text" | "type" | "number" | "dims" | "extent" | "offset";

/** A field of a header. */
interface Field {
  readonly kind: FieldKind;
  readonly at: number;
  readonly bytes: number;
}

/** A whole metadata entry or description of a tensor. */
interface Span {
  readonly from: number;
  readonly to: number;
}

export interface HeaderMap {
  readonly fields: readonly Field[];
  readonly entries: readonly Span[];
  readonly tensors: readonly Span[];
  /** Where the header ends and padding begins. */
  readonly end: number;
}

const scalarSizes: ReadonlyMap<number, number> = new Map([
  [ggufTypes.u8, 1], [ggufTypes.i8, 1], [ggufTypes.bool, 1], [ggufTypes.u16, 2], [ggufTypes.i16, 2],
  [ggufTypes.u32, 4], [ggufTypes.i32, 4], [ggufTypes.f32, 4], [ggufTypes.u64, 8], [ggufTypes.i64, 8],
  [ggufTypes.f64, 8],
]);

/** Elements of one list that become fields: a vocabulary would drown all others. */
const fieldsOfList = 4;

/** The fields of a file that is known to be valid. */
export function mapHeader(file: Uint8Array): HeaderMap {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const fields: Field[] = [];
  let at = 8;
  let quiet = false;
  const take = (kind: FieldKind, bytes: number): number => {
    if (!quiet) fields.push({ kind, at, bytes });
    at += bytes;
    return at - bytes;
  };
  const long = (kind: FieldKind): number => Number(view.getBigUint64(take(kind, 8), true));
  const word = (kind: FieldKind): number => view.getUint32(take(kind, 4), true);
  const text = (): number => take("text", long("length"));
  const value = (type: number): void => {
    if (type === ggufTypes.string) text();
    else if (type === ggufTypes.list) list();
    else take("number", scalarSizes.get(type) ?? 0);
  };
  const list = (): void => {
    const type = word("type");
    const count = long("count");
    for (let i = 0; i < count; i++) {
      quiet = i >= fieldsOfList;
      value(type);
    }
    quiet = false;
  };
  const span = (body: () => void): Span => {
    const from = at;
    body();
    return { from, to: at };
  };
  const many = (count: number, body: () => void): readonly Span[] =>
    Array.from({ length: count }, () => span(body));
  const tensorCount = long("count");
  const entryCount = long("count");
  const entries = many(entryCount, () => {
    text();
    value(word("type"));
  });
  const tensors = many(tensorCount, () => {
    text();
    many(word("dims"), () => long("extent"));
    word("type");
    long("offset");
  });
  return { fields, entries, tensors, end: at };
}

const absurd: readonly bigint[] = [
  0n, 1n, 2n, 3n, 7n, 31n, 33n, 255n, 256n, 65_536n, 2n ** 22n, 2n ** 27n, 2n ** 31n - 1n, 2n ** 31n,
  2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 32n, 2n ** 64n - 1n,
];
const floats = [0, -0, 1, -1, 1e-45, 3e38, Infinity, -Infinity, NaN];
const words = [
  "", "__proto__", "constructor", "\u0000", "▁", " ", "\u{1f600}", "<unk>", "llama", "../x", "\n\u001b[31m",
];

/** One change to a copy; `map` is that of the unchanged file. */
export function mutate(file: Uint8Array, map: HeaderMap, random: Random): Uint8Array {
  const choice = random.below(10);
  if (choice < 5) return changeField(file, map, random);
  if (choice < 6) return changeText(file, map, random);
  if (choice < 8) return changeSpans(file, map, random);
  if (choice < 9) return file.subarray(0, random.below(map.end + 4096));
  return damage(file, random, map.end);
}

function pick<T>(items: readonly T[], random: Random): T {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new RangeError("nothing to pick from");
  return item;
}

function changeField(file: Uint8Array, { fields }: HeaderMap, random: Random): Uint8Array {
  const copy = Uint8Array.from(file);
  const view = new DataView(copy.buffer);
  for (let changes = 1 + random.below(2); changes > 0; changes--) {
    const { at, bytes } = pick(fields.filter(({ kind }) => kind !== "text"), random);
    const number = random.below(3) === 0 ? BigInt(random.below(40)) : pick(absurd, random);
    const near = random.below(3) === 0 && bytes === 8 ? view.getBigUint64(at, true) + number - 2n : number;
    if (bytes === 4 && random.below(4) === 0) view.setFloat32(at, pick(floats, random), true);
    else copy.set(u64(BigInt.asUintN(64, near)).subarray(0, bytes), at);
  }
  return copy;
}

/** Another text with its own length: everything behind it moves, and stays in order. */
function changeText(file: Uint8Array, { fields }: HeaderMap, random: Random): Uint8Array {
  const { at, bytes } = pick(fields.filter(({ kind }) => kind === "text"), random);
  const long = pick(words, random).repeat(1 + random.below(3) * random.below(200));
  const other = random.below(4) === 0 ? file.subarray(at, at + random.below(bytes + 1)) : Buffer.from(long);
  return Buffer.concat([file.subarray(0, at - 8), u64(other.length), other, file.subarray(at + bytes)]);
}

/** Leaves out, repeats, swaps or retypes entries or tensors; counts may follow. */
function changeSpans(file: Uint8Array, map: HeaderMap, random: Random): Uint8Array {
  const ofTensors = random.below(2) === 0;
  const spans = ofTensors ? map.tensors : map.entries;
  const [one, other] = [pick(spans, random), pick(spans, random)];
  const part = ({ from, to }: Span): Uint8Array => file.subarray(from, to);
  const list = Buffer.concat([u32(ggufTypes.list), u32(random.below(14)), u64(random.below(3))]);
  const kinds: readonly (readonly [Uint8Array, number])[] = [
    [new Uint8Array(0), -1],
    [Buffer.concat([part(one), part(one)]), 1],
    [part(other), 0],
    [Buffer.concat([part(one).subarray(0, random.below(part(one).length)), list]), 0],
  ];
  const [replacement, added] = pick(kinds, random);
  const changed = Buffer.concat([file.subarray(0, one.from), replacement, file.subarray(one.to)]);
  if (random.below(4) !== 0) changed.set(u64(spans.length + added), ofTensors ? 8 : 16);
  return changed;
}
