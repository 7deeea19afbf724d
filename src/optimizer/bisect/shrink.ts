/** Makes a witness smaller, greedily: one change at a time, kept when the fault still shows. */

import type { Attrs, Registry, TensorValue, Value, ValueType } from "../../ir/index.js";
import { newTensor } from "../../ir/index.js";
import type { RuleApplication } from "./plan-applications.js";
import type { Shown, Witness, WitnessLeaf, WitnessNode } from "./witness.js";
import { show } from "./witness.js";

/** Witnesses that are tried; each costs about a millisecond. */
const maxTries = 3000;

export interface Shrunk {
  readonly shown: Shown;
  readonly tries: number;
}

export function shrink(
  start: Shown,
  rule: Pick<RuleApplication, "rule" | "form">,
  registry: Registry,
): Shrunk {
  let [best, tries] = [start, 0];
  const attempt = (witness: Witness): boolean => {
    if (tries >= maxTries) return false;
    tries += 1;
    const shown = show(witness, rule, registry);
    if (shown !== undefined) best = shown;
    return shown !== undefined;
  };
  while (smallerExtents(best.witness).some(attempt));
  for (const name of start.witness.leaves.keys()) {
    const current = (): WitnessLeaf | undefined => best.witness.leaves.get(name);
    const tryData = (data: readonly number[]): boolean => attempt(withData(best.witness, name, data));
    simplifyData(() => numbersOf(current()?.value), tryData);
  }
  return { shown: best, tries };
}

// Extents.

/** The most drastic first. An extent changes wherever it stands, alone or with all its multiples. */
function* candidates(witness: Witness): IterableIterator<Witness> {
  const extents = [...new Set(extentsOf(witness))].filter((each) => each > 1).sort((a, b) => b - a);
  for (const extent of extents) {
    const smaller = [1, 2, 3, Math.floor(extent / 4), Math.floor(extent / 2), extent - 1];
    for (const to of new Set(smaller.filter((each) => each >= 1 && each < extent))) {
      yield replaced(witness, (each) => (each === extent ? to : each));
      yield replaced(witness, (each) => (each > 0 && each % extent === 0 ? (each / extent) * to : each));
    }
  }
}

function smallerExtents(witness: Witness): readonly Witness[] {
  return [...candidates(witness)];
}

function extentsOf({ leaves }: Witness): readonly number[] {
  return [...leaves.values()].flatMap(({ type }) => (type.kind === "tensor" ? type.shape.map(Number) : []));
}

function replaced(witness: Witness, change: (extent: number) => number): Witness {
  const leaves = [...witness.leaves].map(([name, leaf]) => [name, resized(leaf, change)] as const);
  const premises = [...witness.premises].map(([name, node]) => [name, renumbered(node, change)] as const);
  return { leaves: new Map(leaves), premises: new Map(premises) };
}

function renumbered(node: WitnessNode, change: (extent: number) => number): WitnessNode {
  return {
    ...node,
    attrs: changedAttrs(node.attrs, change),
    type: node.type && resizedType(node.type, change),
    children: node.children.map((child) => (typeof child === "string" ? child : renumbered(child, change))),
  };
}

/**
 * Lists hold extents; so may a whole number above 1, where an axis that is changed by mistake fits nothing.
 */
function changedAttrs(attrs: Attrs, change: (extent: number) => number): Attrs {
  const renewed = (value: Attrs[string]): Attrs[string] => {
    if (typeof value === "number") return Number.isInteger(value) && value > 1 ? change(value) : value;
    if (!Array.isArray(value)) return value;
    const list: readonly (number | string)[] = value;
    return list.map((each) => (typeof each === "number" ? change(each) : each));
  };
  return Object.fromEntries(Object.entries(attrs).map(([name, value]) => [name, renewed(value)]));
}

function resizedType(type: ValueType, change: (extent: number) => number): ValueType {
  return type.kind === "tensor" ? { ...type, shape: type.shape.map((dim) => change(Number(dim))) } : type;
}

/** The leading part of each axis. */
function resized(leaf: WitnessLeaf, change: (extent: number) => number): WitnessLeaf {
  const type = resizedType(leaf.type, change);
  if (leaf.value.kind !== "tensor" || type.kind !== "tensor") return leaf;
  const shape = type.shape.map(Number);
  return { ...leaf, type, value: cropped(leaf.value, shape) };
}

function cropped(value: TensorValue, shape: readonly number[]): TensorValue {
  const made = newTensor(value.dtype, shape);
  for (let i = 0; i < made.data.length; i++) {
    let [rest, from, stride] = [i, 0, 1];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [extent, old] = [shape[axis]!, value.shape[axis]!];
      from += ((rest % extent) % old) * stride;
      rest = Math.floor(rest / extent);
      stride *= old;
    }
    made.data[i] = value.data[from] ?? 0;
  }
  return made;
}

// Elements.

function numbersOf(value: Value | undefined): readonly number[] {
  return value?.kind === "tensor" ? Array.from(value.data) : [];
}

function withData(witness: Witness, name: string, data: readonly number[]): Witness {
  const leaf = witness.leaves.get(name);
  if (leaf?.value.kind !== "tensor") return witness;
  const value = newTensor(leaf.value.dtype, leaf.value.shape);
  value.data.set(data);
  return { ...witness, leaves: new Map([...witness.leaves, [name, { ...leaf, value }]]) };
}

/** All zero, all one, whole numbers; then zeros in ever smaller parts (delta debugging), then ones. */
function simplifyData(current: () => readonly number[], tryData: (data: readonly number[]) => boolean): void {
  const whole = current();
  if (whole.length === 0) return;
  if (tryData(whole.map(() => 0)) || tryData(whole.map(() => 1))) return;
  tryData(whole.map(Math.round));
  for (let size = Math.ceil(whole.length / 2); ; size = Math.ceil(size / 2)) {
    for (let start = 0; start < whole.length; start += size) {
      const now = current();
      const isPart = (i: number): boolean => i >= start && i < start + size;
      if (now.every((each, i) => !isPart(i) || each === 0)) continue;
      tryData(now.map((each, i) => (isPart(i) ? 0 : each)));
    }
    if (size === 1) break;
  }
  current().forEach((each, i) => {
    if (each !== 0 && each !== 1) tryData(current().map((other, k) => (k === i ? 1 : other)));
  });
}
