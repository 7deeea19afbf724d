/**
 * Attributes: the constants of an op. Their kinds are closed; an op's record names a kind for each
 * attribute, and the types of its callbacks follow.
 */

import type { Dim, DType } from "./types.js";

export interface AttrTypes {
  readonly int: number;
  readonly float: number;
  readonly string: string;
  readonly bool: boolean;
  readonly ints: readonly number[];
  readonly dims: readonly Dim[];
  readonly dtype: DType;
}

export type AttrKind = keyof AttrTypes;
export type AttrValue = AttrTypes[AttrKind];
export type AttrSpec = Readonly<Record<string, AttrKind>>;
export type Attrs = Readonly<Record<string, AttrValue>>;

/** The attribute record that a specification describes. */
export type AttrsOf<Spec extends AttrSpec> = { readonly [Key in keyof Spec]: AttrTypes[Spec[Key]] };

/** A canonical text: equal attributes give equal keys. Used to intern labels. */
export function attrsKey(attrs: Attrs): string {
  return Object.keys(attrs)
    .sort()
    .map((name) => `${name}=${attrKey(attrs[name])}`)
    .join(";");
}

function attrKey(value: AttrValue | undefined): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return JSON.stringify(value);
}
