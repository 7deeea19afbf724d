/**
 * Interned labels. A label is an operator and one payload; two payloads are one iff their keys are equal.
 * Operators, keys and labels are all dense integers, so that matching compares numbers only. An e-node stores
 * its label and arity together as one integer, its shape: nodes of different arity never look alike.
 */
import type { LabelId } from "./types.js";

export class LabelTable {
  readonly #ops: string[] = [];
  readonly #opIds = new Map<string, number>();
  readonly #keys: string[] = [];
  readonly #keyIds = new Map<string, number>();
  /** For each operator, key id to label. */
  readonly #byOp: Map<number, LabelId>[] = [];
  /** For each operator, its labels in order of interning. */
  readonly #labelsOfOp: LabelId[][] = [];
  readonly #opOf: number[] = [];
  readonly #keyOf: number[] = [];
  readonly #payloads: unknown[] = [];
  /** For each label, arity to shape; -1 or absent where there is none yet. */
  readonly #shapesOf: number[][] = [];
  readonly #labelOfShape: number[] = [];
  readonly #arityOfShape: number[] = [];

  get size(): number {
    return this.#opOf.length;
  }

  /** The first payload interned under a key is the one that is kept. */
  intern(op: string, payload: unknown, key: string): LabelId {
    const opId = this.opId(op);
    const keyId = this.#keyId(key);
    const known = this.#byOp[opId]!.get(keyId);
    if (known !== undefined) return known;
    const label = this.#opOf.length as LabelId;
    this.#opOf.push(opId);
    this.#keyOf.push(keyId);
    this.#payloads.push(payload);
    this.#shapesOf.push([]);
    this.#byOp[opId]!.set(keyId, label);
    this.#labelsOfOp[opId]!.push(label);
    return label;
  }

  get shapeCount(): number {
    return this.#labelOfShape.length;
  }

  /** The one integer for a label at an arity. */
  shape(label: number, arity: number): number {
    const shapes = this.#shapesOf[label]!;
    while (shapes.length <= arity) shapes.push(-1);
    const known = shapes[arity]!;
    if (known >= 0) return known;
    shapes[arity] = this.#labelOfShape.length;
    this.#labelOfShape.push(label);
    return this.#arityOfShape.push(arity) - 1;
  }

  labelOf(shape: number): LabelId {
    return this.#labelOfShape[shape]! as LabelId;
  }

  arityOf(shape: number): number {
    return this.#arityOfShape[shape]!;
  }

  opId(op: string): number {
    const known = this.#opIds.get(op);
    if (known !== undefined) return known;
    const id = this.#ops.length;
    this.#ops.push(op);
    this.#opIds.set(op, id);
    this.#byOp.push(new Map());
    this.#labelsOfOp.push([]);
    return id;
  }

  #keyId(key: string): number {
    const known = this.#keyIds.get(key);
    if (known !== undefined) return known;
    const id = this.#keys.length;
    this.#keys.push(key);
    this.#keyIds.set(key, id);
    return id;
  }

  labelsOf(opId: number): readonly LabelId[] {
    return this.#labelsOfOp[opId] ?? [];
  }

  opName(label: number): string {
    return this.#ops[this.#opOf[label] ?? -1] ?? "";
  }

  payload(label: number): unknown {
    return this.#payloads[label];
  }

  key(label: number): string {
    return this.#keys[this.#keyOf[label] ?? -1] ?? "";
  }

  /** Equal iff the keys are, across operators. */
  keyNumber(label: number): number {
    return this.#keyOf[label] ?? -1;
  }
}
