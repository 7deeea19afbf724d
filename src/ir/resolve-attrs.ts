/** Reads an operation's attributes against what its op's record declares. */

import { didYouMean } from "../diagnostics/index.js";
import type { AttrKind, Attrs, AttrSpec, AttrValue } from "./attrs.js";
import type { Findings } from "./findings.js";
import { isDimName } from "./names.js";
import { resolveDtype } from "./resolve-types.js";
import type { AttrSyntax, NamedAttrSyntax, NameSyntax } from "./syntax.js";
import type { Dim } from "./types.js";

/** How each kind is written, for messages. */
const attrForms: Readonly<Record<AttrKind, string>> = {
  int: "an integer, exact in a binary64, such as `3 : i64`",
  float: "a finite number with a point, such as `1.0e-05 : f64`, or its bits, such as `0xFFF0000000000000 : f64`",
  string: 'a string, such as `"halves"`',
  bool: "`true` or `false`",
  ints: "a list of integers, such as `[1, 0]`",
  dims: 'a list of numbers and names of dimensions, such as `["T", 8]`',
  dtype: "an element type, such as `f16`",
};

/** The attributes; undefined when any is missing, unknown, repeated or of the wrong kind. */
export function resolveAttrs(
  op: NameSyntax,
  spec: AttrSpec,
  written: readonly NamedAttrSyntax[],
  findings: Findings,
): Attrs | undefined {
  const before = findings.count;
  const attrs = new Map<string, AttrValue>();
  const seen = new Map<string, NameSyntax>();
  for (const { name, value } of written) {
    const first = seen.get(name.text);
    if (first !== undefined) {
      const related = { message: "first given here", span: first.span };
      findings.report("ir/repeated-attribute", name.span, `the attribute \`${name.text}\` is given twice`, { related });
      continue;
    }
    seen.set(name.text, name);
    const resolved = resolveAttr(op, spec, { name, value }, findings);
    if (resolved !== undefined) attrs.set(name.text, resolved);
  }
  for (const name of Object.keys(spec)) {
    if (seen.has(name)) continue;
    findings.report("ir/missing-attribute", op.span, `\`${op.text}\` needs the attribute \`${name}\``, {
      hint: () => `it is ${attrForms[spec[name]!]}`,
    });
  }
  return findings.count === before ? Object.fromEntries(attrs) : undefined;
}

function resolveAttr(
  op: NameSyntax,
  spec: AttrSpec,
  { name, value }: NamedAttrSyntax,
  findings: Findings,
): AttrValue | undefined {
  const kind = Object.hasOwn(spec, name.text) ? spec[name.text] : undefined;
  if (kind === undefined) {
    findings.report("ir/unknown-attribute", name.span, `\`${op.text}\` has no attribute \`${name.text}\``, {
      hint: () => didYouMean(name.text, Object.keys(spec)) ?? knownAttributes(spec),
    });
    return undefined;
  }
  const resolved = readAttr(kind, value);
  if (resolved === undefined) {
    const message = `the attribute \`${name.text}\` of \`${op.text}\` must be ${attrForms[kind]}`;
    findings.report("ir/attribute-kind", value.span, message);
  }
  return resolved;
}

function knownAttributes(spec: AttrSpec): string {
  const names = Object.keys(spec).map((each) => `\`${each}\``);
  return names.length === 0 ? "it has no attributes" : `it has ${names.join(", ")}`;
}

/** The value of an attribute of a kind; undefined when it is written as another kind. */
function readAttr(kind: AttrKind, syntax: AttrSyntax): AttrValue | undefined {
  switch (kind) {
    case "int":
      return readInt(syntax);
    case "float":
      return readFloat(syntax);
    case "string":
      return syntax.kind === "string" ? syntax.value : undefined;
    case "bool":
      return syntax.kind === "bool" ? syntax.value : undefined;
    case "ints":
      return readList(syntax, readInt);
    case "dims":
      return readList(syntax, readDim);
    case "dtype":
      return syntax.kind === "type" && syntax.type.kind === "scalar" ? resolveDtype(syntax.type.name) : undefined;
  }
}

function readInt(syntax: AttrSyntax): number | undefined {
  if (syntax.kind !== "int" || !isTyped(syntax, "i64")) return undefined;
  // A zero has no sign in MLIR.
  return Number.isSafeInteger(syntax.value) ? syntax.value + 0 : undefined;
}

function readFloat(syntax: AttrSyntax): number | undefined {
  if (syntax.kind === "hex") return syntax.type === "f64" ? fromBits(syntax.digits) : undefined;
  if (syntax.kind !== "float" || !isTyped(syntax, "f64")) return undefined;
  return Number.isFinite(syntax.value) ? syntax.value : undefined;
}

function readDim(syntax: AttrSyntax): Dim | undefined {
  if (syntax.kind === "string") return isDimName(syntax.value) ? syntax.value : undefined;
  return readInt(syntax);
}

function isTyped(syntax: { readonly type: string | null }, type: string): boolean {
  return syntax.type === null || syntax.type === type;
}

/** The number with these sixteen hexadecimal digits as its binary64. */
function fromBits(digits: string): number | undefined {
  if (digits.length !== 16) return undefined;
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${digits}`));
  return view.getFloat64(0);
}

function readList<T>(syntax: AttrSyntax, read: (item: AttrSyntax) => T | undefined): T[] | undefined {
  if (syntax.kind !== "array") return undefined;
  const items: T[] = [];
  for (const each of syntax.items) {
    const item = read(each);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}
