/**
 * The decoder of a `tokenizer.json` as bytes for each token, for the two families that language models
 * use: byte-level BPE, whose characters stand for bytes, and SentencePiece, whose `▁` stands for a space and
 * whose `<0x0A>` for a byte. Other decoders change text across tokens, so they cannot stream; they are
 * refused. Kept apart from the library's own decoding, which joins whole texts and loses a byte-order mark.
 */

import { describeJson, isJsonObject } from "../frontend/index.js";
import type { TokenText } from "./text-stream.js";

/** What the steps of a decoder amount to. */
export interface DecoderPlan {
  readonly byteLevel: boolean;
  readonly byteFallback: boolean;
  readonly replacements: readonly { readonly from: string; readonly to: string }[];
  readonly leadingSpaces: number;
}

export interface DecoderVocabulary {
  /** By id; holes are undefined. */
  readonly tokens: readonly (string | undefined)[];
  /** Ids of added tokens: their text is literal, never decoded. */
  readonly added: ReadonlySet<number>;
  readonly special: ReadonlySet<number>;
}

/** The plan of a `decoder` field, or why it cannot be followed. */
export function planDecoder(decoder: unknown): DecoderPlan | string {
  let plan: DecoderPlan = { byteLevel: false, byteFallback: false, replacements: [], leadingSpaces: 0 };
  for (const step of flattenSteps(decoder)) {
    const next = addStep(plan, step);
    if (typeof next === "string") return next;
    plan = next;
  }
  return plan;
}

/** Sequences may be nested, but not deeply: no real one is. */
function flattenSteps(decoder: unknown, depth = 0): readonly unknown[] {
  if (!isJsonObject(decoder) || decoder["type"] !== "Sequence" || depth > 4) return [decoder];
  const steps = decoder["decoders"];
  return Array.isArray(steps) ? steps.flatMap((each: unknown) => flattenSteps(each, depth + 1)) : [decoder];
}

function addStep(plan: DecoderPlan, step: unknown): DecoderPlan | string {
  if (!isJsonObject(step)) return `the decoder has ${describeJson(step)} where a step is expected`;
  switch (step["type"]) {
    case "ByteLevel":
      return { ...plan, byteLevel: true };
    case "ByteFallback":
      return { ...plan, byteFallback: true };
    case "Fuse":
      return plan;
    case "Replace":
      return addReplacement(plan, step);
    case "Strip":
      return addStrip(plan, step);
    case "Metaspace":
      return addMetaspace(plan, step);
    default:
      return `the decoder step ${describeJson(step["type"])} is not supported`;
  }
}

type Step = Readonly<Record<string, unknown>>;

function addReplacement(plan: DecoderPlan, { pattern, content }: Step): DecoderPlan | string {
  const from = isJsonObject(pattern) ? pattern["String"] : undefined;
  if (typeof from !== "string" || from === "" || typeof content !== "string") {
    return "a `Replace` step of the decoder must have a text to look for and one to put in its place";
  }
  return { ...plan, replacements: [...plan.replacements, { from, to: content }] };
}

function addStrip(plan: DecoderPlan, { content, start = 0, stop = 0 }: Step): DecoderPlan | string {
  const isPlain = content === " " && typeof start === "number" && Number.isSafeInteger(start) && start >= 0;
  if (!isPlain || stop !== 0) return "a `Strip` step of the decoder may only remove spaces at the start";
  return { ...plan, leadingSpaces: start };
}

function addMetaspace(plan: DecoderPlan, step: Step): DecoderPlan | string {
  const from = step["replacement"] ?? "▁";
  if (typeof from !== "string" || from === "") return "the `Metaspace` step of the decoder has no replacement";
  const leadingSpaces = step["prepend_scheme"] === "never" ? 0 : 1;
  return { ...plan, replacements: [...plan.replacements, { from, to: " " }], leadingSpaces };
}

export function createTokenText(plan: DecoderPlan, { tokens, added, special }: DecoderVocabulary): TokenText {
  const encoder = new TextEncoder();
  const nothing = new Uint8Array();
  const known: (Uint8Array | undefined)[] = [];
  const decode = (id: number): Uint8Array => {
    const token = tokens[id];
    if (token === undefined) return nothing;
    if (added.has(id)) return encoder.encode(token);
    if (plan.byteLevel) return byteLevelBytes(token) ?? encoder.encode(token);
    const byte = plan.byteFallback ? /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1] : undefined;
    if (byte !== undefined) return Uint8Array.of(parseInt(byte, 16));
    return encoder.encode(plan.replacements.reduce((text, { from, to }) => text.replaceAll(from, to), token));
  };
  return {
    bytesOf: (id) => (known[id] ??= decode(id)),
    isSpecial: (id) => special.has(id),
    leadingSpaces: plan.leadingSpaces,
  };
}

/** The bytes that the characters of a byte-level token stand for, or undefined when one stands for none. */
function byteLevelBytes(token: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = byteOfCharacter.get(character);
    if (byte === undefined) return undefined;
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/**
 * GPT-2's table: printable bytes of Latin-1 stand for themselves, the others are moved behind U+0100 in
 * order, so that no token holds a space or a control character.
 */
const byteOfCharacter: ReadonlyMap<string, number> = makeByteTable();

function makeByteTable(): ReadonlyMap<string, number> {
  const table = new Map<string, number>();
  let moved = 0;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    table.set(String.fromCodePoint(isPrintable ? byte : 0x100 + moved++), byte);
  }
  return table;
}
