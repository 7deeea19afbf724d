/**
 * What may stand at a place of a text that is being written, and so need not parse: the place is found by its
 * brackets and the words before it.
 */

import { dtypes, hasTrait } from "../../ir/index.js";
import type { OpRecord, Registry } from "../../ir/index.js";
import { prelude } from "../prelude.js";
import { applicationText, attributeList, signatureText } from "./describe.js";
import { classDocs, itemDocs, purposeDocs } from "./words.js";

export interface Completion {
  readonly label: string;
  readonly kind: "op" | "attribute" | "function" | "variable" | "value" | "word";
  /** Beside the label. */
  readonly detail: string;
  /** Markdown. */
  readonly doc: string;
  /** What is written instead of the word at the place; the label where it is absent. */
  readonly insert?: string;
}

/** A bracket that is open at the place. */
interface Frame {
  readonly bracket: string;
  /** The word before it. */
  readonly name: string;
  /** Attributes that are written already. */
  readonly attributes: Set<string>;
  /** The attribute whose value is being written. */
  attribute: string | undefined;
}

interface Context {
  readonly frames: readonly Frame[];
  /** The last word of the language that opened something: `rules`, `rule`, `test`, `given`, `where` … */
  readonly section: string;
  /** Words since `rules`, for its purpose. */
  readonly wordsSince: number;
  /** The last sign or word. */
  readonly last: string;
  /** In a comment or a string. */
  readonly quiet: boolean;
  /** Where the item starts that the place is in. */
  readonly itemStart: number;
}

const sections: ReadonlySet<string> = new Set([
  "rules", "rule", "test", "given", "import", "schedule", "where", "with", "option",
]);

const token = /\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"?|\?[A-Za-z0-9_]*|[A-Za-z_][A-Za-z0-9_.]*|[^\s]/g;

/** `offset` is the cursor. Nothing inside comments and strings. */
export function complete(text: string, offset: number, registry: Registry): readonly Completion[] {
  const partial = /(?:\?[A-Za-z0-9_]*|[A-Za-z_][A-Za-z0-9_.]*)?$/.exec(text.slice(Math.max(0, offset - 100), offset))?.[0] ?? "";
  const context = readContext(text.slice(0, offset - partial.length));
  if (context.quiet) return [];
  if (partial.startsWith("?")) return variables(text, context.itemStart);
  const frame = context.frames.at(-1);
  if (frame === undefined) return outside(context, /^rules\b/m.test(text));
  const all = [...inside(context, frame, registry), ...variables(text, context.itemStart)];
  return all.map((each) => ({ ...each, insert: each.insert ?? each.label }));
}

function readContext(before: string): Context {
  const frames: Frame[] = [];
  const found = { section: "", wordsSince: 0, last: "", quiet: false, itemStart: 0 };
  for (const match of before.matchAll(token)) {
    const [word] = match;
    if (word.startsWith("//")) {
      found.quiet = match.index + word.length === before.length && !before.endsWith("\n");
      continue;
    }
    found.quiet = word.startsWith("\"") && !/^"(?:[^"\\\n]|\\.)*"$/.test(word);
    readWord(word, match.index, frames, found);
    found.last = word;
  }
  return { frames, ...found };
}

function readWord(
  word: string,
  at: number,
  frames: Frame[],
  found: { section: string; wordsSince: number; last: string; itemStart: number },
): void {
  const frame = frames.at(-1);
  if (word === "(" || word === "[" || word === "{") {
    frames.push({ bracket: word, name: found.last, attributes: new Set(), attribute: undefined });
  } else if (word === ")" || word === "]" || word === "}") {
    frames.pop();
    if (frames.length === 0 && word === "}") found.section = "";
  } else if (word === "," && frame !== undefined) frame.attribute = undefined;
  else if (word === ":" && frame !== undefined) {
    frame.attribute = found.last;
    frame.attributes.add(found.last);
  } else if (sections.has(word)) {
    if (frames.length === 0) found.itemStart = at;
    found.section = word;
    found.wordsSince = 0;
  } else if (/^[A-Za-z]/.test(word)) found.wordsSince += 1;
}

/** Between items. */
function outside({ section, wordsSince, last }: Context, hasHeader: boolean): readonly Completion[] {
  if (section === "rules" && wordsSince === 1) return words(purposeDocs, "purpose");
  if (section === "given") return declaredTypes(last);
  if (section === "rules" && wordsSince === 0) return [];
  const header = hasHeader ? [] : words({ rules: "The family that the file holds, and what its rules are for." }, "header");
  return [...words(classDocs, "numeric class"), ...words(itemDocs, "item"), ...header];
}

function declaredTypes(last: string): readonly Completion[] {
  if (last === "const") return dtypeWords();
  return last === ":" ? [...words({ const: "The leaf is a weight." }, "weight"), ...dtypeWords()] : [];
}

function inside({ section, last }: Context, frame: Frame, registry: Registry): readonly Completion[] {
  if (section === "given") return declaredTypes(last);
  const record = frame.bracket === "(" ? registry.get(frame.name) : undefined;
  if (section === "where") return [...functions(), ...words({ or: "Either holds.", not: "It does not hold." }, "guard")];
  if (record !== undefined && frame.attribute !== undefined) return values(record, frame.attribute);
  if (frame.bracket === "[" || (frame.bracket === "(" && record === undefined)) return [...functions(), ...dtypeWords()];
  const own = record === undefined ? blockWords(section) : missingAttributes(record, frame);
  return [...own, ...ops(registry)];
}

function blockWords(section: string): readonly Completion[] {
  if (section === "rule") return words({ where: "Guards: all must hold.", let: "Terms that the new forms share." }, "rule");
  if (section !== "test") return [];
  return words({ with: "Families that take part too.", option: "A compile option.", given: "Leaves of this test." }, "test");
}

function missingAttributes(record: OpRecord, { attributes }: Frame): readonly Completion[] {
  return Object.entries(record.attrs).flatMap(([name, kind]) =>
    attributes.has(name) ? [] : [{ label: name, kind: "attribute", detail: kind, doc: "", insert: `${name}: ` } as const],
  );
}

function values({ attrs }: OpRecord, attribute: string): readonly Completion[] {
  if (attrs[attribute] === "bool") return words({ true: "", false: "" }, "bool");
  return attrs[attribute] === "dtype" ? [...dtypeWords(), ...functions()] : functions();
}

function ops({ ops: records }: Registry): readonly Completion[] {
  return [...records.values()].map((record) => ({
    label: record.name,
    kind: "op",
    detail: `(${[...record.operands, ...attributeList(record)].join(", ")})`,
    doc: record.doc,
    insert: hasTrait(record, "typed") ? `${applicationText(record)}: type(?x)` : applicationText(record),
  }));
}

function functions(): readonly Completion[] {
  return [...prelude.values()].map((each) => ({
    label: each.name,
    kind: "function",
    detail: signatureText(each).slice(each.name.length),
    doc: each.doc,
    insert: `${each.name}(`,
  }));
}

function dtypeWords(): readonly Completion[] {
  return dtypes.map((label) => ({ label, kind: "value", detail: "dtype", doc: "" }));
}

function words(docs: Readonly<Record<string, string>>, detail: string): readonly Completion[] {
  return Object.entries(docs).map(([label, doc]) => ({ label, kind: "word", detail, doc }));
}

/** Those of the item around the place, and of a file's own leaves. */
function variables(text: string, itemStart: number): readonly Completion[] {
  const rest = text.slice(itemStart, itemStart + 20_000);
  const end = /\n\}/.exec(rest)?.index ?? rest.length;
  const names = new Set([...rest.slice(0, end).matchAll(/\?([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, name = ""]) => name));
  return [...names].map((name) => ({ label: `?${name}`, kind: "variable", detail: "", doc: "" }));
}
