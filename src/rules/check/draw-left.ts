/**
 * Draws types and attributes that fit a left side. Each op's own `draw` completes what is known of one use;
 * here its uses are joined: sometimes from the root down, sometimes from the operands up, in random order,
 * until a draw fits. Whether it does is decided by type inference alone, so that a draw may guess.
 */

import type { Random } from "../../base/index.js";
import { Signal } from "../../base/index.js";
import type { Attrs, AttrValue, Dim, Drawn, ValueType } from "../../ir/index.js";
import { hasTrait, IllTyped, inferType, sameType } from "../../ir/index.js";
import { bindersOf, fitsLiterals, readBinder } from "../attribute-binders.js";
import { sameAttribute } from "../expression-values.js";
import type { NodePayload } from "../facts.js";
import type { AttrPattern, NodePattern, PatternTerm, PremiseForm, RuleForm, ScalarPattern } from "../rule.js";
import { asRow, fillShape, writtenShape } from "./written-shapes.js";

/** Types and attributes of one use of a left side. All dimensions are numbers. */
export interface LeftDraw {
  /** Of every variable, roots included. */
  readonly types: ReadonlyMap<string, ValueType>;
  readonly payloads: ReadonlyMap<NodePattern, NodePayload>;
  readonly nodeTypes: ReadonlyMap<NodePattern, ValueType>;
  readonly attributes: ReadonlyMap<string, AttrValue>;
}

/** One try; `preset` fixes the types of some variables. Undefined when what was drawn does not fit. */
export function drawLeft(
  form: RuleForm,
  random: Random,
  preset: ReadonlyMap<string, ValueType> = new Map(),
): LeftDraw | undefined {
  return new Drawing(random, preset).draw(form);
}

/** Thrown and caught in this file alone: leads out of a half-finished draw. */
class NoFit extends Signal {
  override readonly name = "NoFit";
}

function isMisfit(error: unknown): boolean {
  // A RangeError is an axis or an extent that the op's own draw did not foresee.
  return error instanceof NoFit || error instanceof IllTyped || error instanceof RangeError;
}

/** Of one part of a draw, and of a whole one. */
const retriesOfPart = 2;
const mostRetries = 12;

/** Invariant: every type and attribute that is held was drawn or given, and none is ever changed. */
class Drawing implements LeftDraw {
  readonly types: Map<string, ValueType>;
  readonly payloads = new Map<NodePattern, NodePayload>();
  readonly nodeTypes = new Map<NodePattern, ValueType>();
  readonly attributes = new Map<string, AttrValue>();
  readonly #random: Random;
  /** Some draws go from the roots down alone; in the others a node's operands may come first. */
  readonly #downward: boolean;
  /** What was put into the maps, in order: taken out again where a part of the draw leads nowhere. */
  readonly #undo: (() => void)[] = [];
  #retries = mostRetries;

  constructor(random: Random, preset: ReadonlyMap<string, ValueType>) {
    this.#random = random;
    this.#downward = random.below(2) === 0;
    this.types = new Map(preset);
  }

  draw(form: RuleForm): LeftDraw | undefined {
    try {
      for (const { root, pattern } of this.#ordered(form.premises)) {
        this.#retrying(() => {
          this.#bindType(root, this.#node(pattern, this.types.get(root)));
        });
      }
      for (const { root, pattern } of form.premises) {
        if (!sameType(this.#infer(pattern), this.types.get(root) ?? this.#infer(pattern))) return undefined;
      }
      return this;
    } catch (error) {
      if (isMisfit(error)) return undefined;
      throw error;
    }
  }

  /** Downward, readers of a root mostly come before what defines it, as they are written. */
  #ordered(premises: readonly PremiseForm[]): readonly PremiseForm[] {
    return this.#downward && this.#random.below(4) > 0 ? premises : shuffled(premises, this.#random);
  }

  /** Draws a part again where it did not fit, what it had settled forgotten. */
  #retrying(part: () => void): void {
    const mark = this.#undo.length;
    for (let left = retriesOfPart; ; left--) {
      try {
        part();
        return;
      } catch (error) {
        if (!isMisfit(error) || left === 0 || this.#retries-- <= 0) throw error;
        for (const undo of this.#undo.splice(mark).reverse()) undo();
      }
    }
  }

  /** The node's result type, once all below it is drawn. */
  #node(node: NodePattern, wanted: ValueType | undefined): ValueType {
    const operands = node.operands.map((each) => (each.kind === "variable" ? this.types.get(each.name) : undefined));
    const first = this.#operandsFirst(node, operands, wanted);
    const drawn = this.#complete(node, operands, wanted);
    this.#bindAttributes(node, drawn);
    node.operands.forEach((each, i) => {
      if (!first.has(each)) this.#retrying(() => { this.#operand(each, drawn.operands[i]); });
    });
    return this.#infer(node);
  }

  /** Draws some operands before the node itself; puts their types into `operands`. */
  #operandsFirst(
    node: NodePattern,
    operands: (ValueType | undefined)[],
    wanted: ValueType | undefined,
  ): ReadonlySet<PatternTerm> {
    const drawn = new Set<PatternTerm>();
    // Against a wanted result, what is drawn from below seldom fits.
    const eager = !this.#downward && this.#random.below(wanted === undefined ? 2 : 4) === 0;
    const order = shuffled([...node.operands.entries()], this.#random);
    for (const [i, operand] of order) {
      if (operand.kind !== "node") continue;
      const lucky = !this.#downward && wanted === undefined && this.#random.below(2) === 0;
      if (!eager && !lucky && !this.#isSettled(operand)) continue;
      operands[i] = this.#node(operand, undefined);
      drawn.add(operand);
    }
    for (const [i, operand] of node.operands.entries()) {
      if (operand.kind === "variable") operands[i] = this.types.get(operand.name);
    }
    return drawn;
  }

  /** Whether the types of all variables below are known, so that nothing else can be wished for. */
  #isSettled(term: PatternTerm): boolean {
    return term.kind === "variable" ? this.types.has(term.name) : term.operands.every((each) => this.#isSettled(each));
  }

  #complete(
    node: NodePattern,
    operands: readonly (ValueType | undefined)[],
    wanted: ValueType | undefined,
  ): Drawn {
    const { record } = node;
    const attrs: Record<string, AttrValue> = {};
    for (const [name, pattern] of Object.entries(node.attrs)) {
      const known = this.#knownAttribute([name, pattern], node, [wanted, ...operands]);
      if (known !== undefined) attrs[name] = known;
    }
    if (wanted === undefined && "shape" in record.attrs && attrs.shape === undefined) this.#guessHeads(operands[0], attrs);
    const known = this.#guessOperands(node, operands, wanted);
    const drawn = record.draw?.(this.#random, { operands: known, attrs, ...(wanted && { result: wanted }) });
    if (drawn === undefined || drawn.operands.length !== node.operands.length) throw new NoFit();
    return drawn;
  }

  /** Most free operands get the shape that the pattern writes, those of views else one that programs have. */
  #guessOperands(
    { record, operands: below }: NodePattern,
    operands: readonly (ValueType | undefined)[],
    wanted: ValueType | undefined,
  ): readonly (ValueType | undefined)[] {
    const [isView, isElementwise] = [hasTrait(record, "view"), hasTrait(record, "elementwise")];
    if ((!isView && !isElementwise) || this.#random.below(4) === 0) return operands;
    const like = wanted ?? (isElementwise ? operands.find((each) => each !== undefined) : undefined);
    const target = like?.kind === "tensor" ? like.shape.map(Number) : undefined;
    return operands.map((type, i): ValueType | undefined => {
      if (type !== undefined) return type;
      const term = below[i];
      const written = term && writtenShape(term, (item) => this.#knownScalar(item));
      const other = isView && target ? asRow(target) : undefined;
      const shape = written ? fillShape(written, { target, keepsCount: isView }, this.#random) : other;
      return shape && { kind: "tensor", dtype: like?.kind === "tensor" ? like.dtype : "f32", shape };
    });
  }

  /** Half of the open shapes over a row become heads, and over heads a row. */
  #guessHeads(operand: ValueType | undefined, attrs: Record<string, AttrValue>): void {
    if (operand?.kind !== "tensor" || operand.shape.length < 2 || this.#random.below(2) === 0) return;
    const extents = operand.shape.map(Number);
    const [before = 1, width = 1] = extents.slice(-2);
    const heads = 1 + this.#random.below(4);
    if (extents.length > 2) attrs.shape = [...extents.slice(0, -2), before * width];
    else if (width % heads === 0) attrs.shape = [before, heads, width / heads];
  }

  #knownAttribute(
    [name, pattern]: readonly [string, AttrPattern],
    { record }: NodePattern,
    [wanted, ...operands]: readonly (ValueType | undefined)[],
  ): AttrValue | undefined {
    if (pattern.kind !== "list") return this.#knownScalar(pattern);
    const known = pattern.items.map((item) => this.#knownScalar(item) as Dim | undefined);
    if (known.every((each) => each !== undefined)) return known;
    if (record.attrs[name] !== "dims") return undefined;
    // A list is given as a whole or not at all, so its open elements are guessed.
    const [operand] = operands;
    const isFromOperand = hasTrait(record, "view") && wanted === undefined && operand?.kind === "tensor";
    if (!isFromOperand || this.#random.below(4) === 0) return this.#guessList(known, [wanted, ...operands]);
    const sizes = { target: operand.shape.map(Number), keepsCount: true };
    return fillShape(known.map((each) => (each === undefined ? each : Number(each))), sizes, this.#random);
  }

  #guessList(known: readonly (Dim | undefined)[], near: readonly (ValueType | undefined)[]): readonly Dim[] {
    const shapes = near.flatMap((type) => (type?.kind === "tensor" ? [type.shape] : []));
    const alike = shapes.find((shape) => shape.length === known.length);
    const extents = shapes.flat();
    return known.map((each, i) => {
      if (each !== undefined) return each;
      if (alike !== undefined && this.#random.below(4) > 0) return alike[i]!;
      return extents.length > 0 && this.#random.below(4) > 0
        ? extents[this.#random.below(extents.length)]!
        : 1 + this.#random.below(5);
    });
  }

  #knownScalar(pattern: ScalarPattern): AttrValue | undefined {
    if (pattern.kind === "literal") return pattern.value;
    return pattern.kind === "bind" ? this.attributes.get(pattern.name) : undefined;
  }

  #bindAttributes(node: NodePattern, { attrs, result }: Drawn): void {
    const payload = payloadOf(node, attrs, result);
    if (!fitsLiterals(node, payload)) throw new NoFit();
    for (const binder of bindersOf(node)) {
      const value = readBinder(binder, payload);
      const earlier = this.attributes.get(binder.name);
      if (value === undefined || (earlier !== undefined && !sameAttribute(earlier, value))) throw new NoFit();
      this.#put(this.attributes, binder.name, value);
    }
    this.#put(this.payloads, node, payload);
  }

  #operand(term: PatternTerm, type: ValueType | undefined): void {
    if (type === undefined) throw new NoFit();
    if (term.kind === "variable") this.#bindType(term.name, type);
    else this.#node(term, type);
  }

  #bindType(name: string, type: ValueType): void {
    const earlier = this.types.get(name);
    if (earlier !== undefined && !sameType(earlier, type)) throw new NoFit();
    this.#put(this.types, name, type);
  }

  #put<K, V>(map: Map<K, V>, key: K, value: V): void {
    if (map.has(key)) return;
    map.set(key, value);
    this.#undo.push(() => map.delete(key));
  }

  /** The types of a node and of all below it, from its variables up. */
  #infer(node: NodePattern): ValueType {
    const operands = node.operands.map((each) => {
      const type = each.kind === "variable" ? this.types.get(each.name) : this.#infer(each);
      if (type === undefined) throw new NoFit();
      return type;
    });
    const payload = this.payloads.get(node);
    if (payload === undefined) throw new NoFit();
    const type = inferType(node.record, operands, payload.attrs, payload.type);
    this.nodeTypes.set(node, type);
    return type;
  }
}

function payloadOf({ record }: NodePattern, attrs: Attrs, result: ValueType | undefined): NodePayload {
  return hasTrait(record, "typed") && result !== undefined ? { attrs, type: result } : { attrs };
}

function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  const list = [...items];
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}
