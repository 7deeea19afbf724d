/**
 * Finds draws of a left side to which the rule applies: guards hold, and the right side is well-typed. When
 * a guard asks for a multiple, or the right side for an equal type, the next try starts from what nearly
 * fitted.
 */

import type { Random } from "../../base/index.js";
import { createRandom } from "../../base/index.js";
import type { ValueType } from "../../ir/index.js";
import { printType } from "../../ir/index.js";
import type { Environment } from "../evaluate-expression.js";
import { callsOf } from "../check-expression.js";
import { evaluateExpression } from "../evaluate-expression.js";
import type { ExpressionValue, Operand } from "../expression-values.js";
import { fromElement } from "../expression-values.js";
import { settingFunctions } from "../prelude.js";
import type { RuleForm, TemplateTerm } from "../rule.js";
import type { ExpressionSyntax } from "../syntax.js";
import type { Bound } from "../template-facts.js";
import { Refusal, refusalOfForm, TemplateFacts, TypesDiffer } from "../template-facts.js";
import type { LeftDraw } from "./draw-left.js";
import { drawLeft } from "./draw-left.js";
import { drawRight } from "./draw-right.js";

export interface DrawnForm {
  readonly draw: LeftDraw;
  /** Facts of the right side for these operands. */
  readonly facts: TemplateFacts;
}

export interface FoundDraws {
  readonly fitting: readonly DrawnForm[];
  /** Draws whose guards hold and whose sides have different types, and what was said of the last one. */
  readonly differing: number;
  readonly difference: string;
}

export interface DrawLimits {
  readonly wanted: number;
  readonly tries: number;
}

/** A third of what is wanted is enough when such a part of the tries brings nothing new. */
const exhaustedAfter = 40;

/** Fewer draws that fit than one in so many are searched around. */
const rareBelow = 20;
/** Of draws whose sides differ in type: extents that happen to be equal can make the types equal too. */
const nearMisses = 16;

/** Draws from a seed until enough fit, or the tries are used up. The fewest elements come first. */
export function findDraws(form: RuleForm, seed: number, { wanted, tries }: DrawLimits): FoundDraws {
  const random = createRandom(seed);
  const fitting = new Map<string, DrawnForm>();
  const missed: DrawnForm[] = [];
  let [differing, difference] = [0, ""];
  let last = 0;
  for (let attempt = 0; attempt < tries && fitting.size < wanted; attempt++) {
    if (fitting.size >= wanted / 3 && attempt - last > tries / exhaustedAfter) break;
    const isRare = fitting.size * rareBelow < attempt;
    const near = isRare && random.below(2) === 0 ? [...fitting.values()] : missed;
    const preset = attempt % 2 === 0 ? undefined : suggestion(form, near, random);
    const verdict = tryDraw(form, random, preset);
    if (verdict === undefined) continue;
    const signature = verdict.refusal === undefined ? signatureOf(verdict.drawn.draw) : undefined;
    if (signature !== undefined && !fitting.has(signature)) {
      fitting.set(signature, verdict.drawn);
      last = attempt;
    }
    if (!(verdict.refusal instanceof TypesDiffer)) continue;
    differing += 1;
    difference = verdict.refusal.message;
    missed[differing % nearMisses] = verdict.drawn;
  }
  const sorted = [...fitting.values()].sort((a, b) => sizeOf(a.draw) - sizeOf(b.draw));
  return { fitting: sorted, differing, difference };
}

/**
 * Types of a draw that fits, or nearly does, some extents exchanged wherever they stand and a quarter of
 * the variables open. Where a left side hangs together by many equal extents, a blind draw seldom fits, and
 * this one often.
 */
function neighbour(
  { premises }: RuleForm,
  { types }: LeftDraw,
  random: Random,
): ReadonlyMap<string, ValueType> {
  const roots = new Set(premises.map(({ root }) => root));
  let kept = new Map([...types].filter(([name]) => !roots.has(name) && random.below(4) > 0));
  for (let changes = random.below(3); changes > 0; changes--) {
    const extents = [...kept.values()].flatMap((type) => (type.kind === "tensor" ? type.shape : []));
    const other = random.below(2) === 0 ? extents[random.below(extents.length)] : undefined;
    const from = Number(extents[random.below(extents.length)]);
    const change = { from, to: Number(other ?? 1 + random.below(8)) };
    kept = new Map([...kept].map(([name, type]) => [name, withExtent(type, change)]));
  }
  return kept;
}

interface Verdict {
  readonly drawn: DrawnForm;
  readonly refusal: Refusal | undefined;
}

/** Types that a draw may start from: near one that fits, or of what suits the right side. */
function suggestion(
  form: RuleForm,
  fitting: readonly DrawnForm[],
  random: Random,
): ReadonlyMap<string, ValueType> | undefined {
  const fits = fitting[random.below(2 * fitting.length)];
  if (fits !== undefined) return neighbour(form, fits.draw, random);
  try {
    return drawRight(form, random);
  } catch (error) {
    // An axis or an extent that an op's own draw did not foresee.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function tryDraw(
  form: RuleForm,
  random: Random,
  preset: ReadonlyMap<string, ValueType> | undefined,
): Verdict | undefined {
  const draw = drawLeft(form, random, preset);
  if (draw === undefined) return undefined;
  const failing = form.guards.filter((guard) => !presumed(guard, environmentOf(form, draw)));
  const guarded = failing.length === 0 ? draw : repair(form, draw, failing, random);
  if (guarded === undefined) return undefined;
  const verdict = judge(form, guarded);
  if (verdict.refusal === undefined) return verdict;
  const steered = steer(form, verdict, random);
  return steered ?? verdict;
}

function judge(form: RuleForm, draw: LeftDraw): Verdict {
  const bound = boundBy(draw);
  const refusal = refusalOfForm(form, bound, {}, presumed);
  return { drawn: { draw, facts: new TemplateFacts(bound, form.lets, {}) }, refusal };
}

/** Whether a guard holds, or asks about compile options, which are presumed to permit. */
function presumed(guard: ExpressionSyntax, environment: Environment): boolean {
  return mentionsSettings(guard) || evaluateExpression(guard, environment) === true;
}

/** Whether a guard asks about compile options. */
export function mentionsSettings(guard: ExpressionSyntax): boolean {
  return callsOf(guard).some((name) => settingFunctions.has(name));
}

/** Variables stand for constants, each for a value of its own. */
export function boundBy(draw: LeftDraw): Bound {
  const names = [...draw.types.keys()];
  return {
    operand: (name): Operand | undefined => {
      const type = draw.types.get(name);
      return type && { kind: "operand", type, constant: true, identity: names.indexOf(name) };
    },
    attribute: (name): ExpressionValue | undefined => {
      const value = draw.attributes.get(name);
      return typeof value === "string" ? fromAttribute(draw, name, value) : value;
    },
  };
}

/** A name that was bound inside a list of dimensions is a dimension, otherwise it is a string. */
function fromAttribute(draw: LeftDraw, name: string, value: string): ExpressionValue {
  for (const node of draw.payloads.keys()) {
    const whole = Object.values(node.attrs).some((each) => each.kind === "bind" && each.name === name);
    if (whole) return value;
  }
  return fromElement(value);
}

function environmentOf(form: RuleForm, draw: LeftDraw): Environment {
  return new TemplateFacts(boundBy(draw), form.lets, {}).environment;
}

export function guardHolds(form: RuleForm, draw: LeftDraw, guard: ExpressionSyntax): boolean {
  return presumed(guard, environmentOf(form, draw));
}

function guardsHold(form: RuleForm, draw: LeftDraw): boolean {
  const environment = environmentOf(form, draw);
  return form.guards.every((guard) => presumed(guard, environment));
}

const repairTries = 8;

/** Draws again with extents changed so that the failing guards may hold. */
function repair(
  form: RuleForm,
  draw: LeftDraw,
  failing: readonly ExpressionSyntax[],
  random: Random,
): LeftDraw | undefined {
  const environment = environmentOf(form, draw);
  const roots = new Set(form.premises.map(({ root }) => root));
  const preset = new Map([...draw.types].filter(([name]) => !roots.has(name)));
  for (const guard of failing) {
    const flattened = withRank(guard, preset);
    const change = flattened ? undefined : changeFor(guard, environment);
    if (!flattened && change === undefined) return undefined;
    if (change) for (const [name, type] of preset) preset.set(name, withExtent(type, change));
  }
  for (let i = 0; i < repairTries; i++) {
    const again = drawLeft(form, random, preset);
    if (again !== undefined && guardsHold(form, again)) return again;
  }
  return undefined;
}

/** `extent % n == 0` asks for `extent * n`, `extent == n` for `n`. */
function changeFor(
  guard: ExpressionSyntax,
  environment: Environment,
): { from: number; to: number } | undefined {
  if (guard.kind !== "compare" || guard.operator !== "==") return undefined;
  const { left, right } = guard;
  const isMultiple = left.kind === "arithmetic" && left.operator === "%" && right.kind === "number" && right.value === 0;
  const from = evaluateExpression(isMultiple ? left.left : left, environment);
  const to = evaluateExpression(isMultiple ? left.right : right, environment);
  if (typeof from !== "number" || typeof to !== "number" || !Number.isSafeInteger(to) || to < 1) return undefined;
  return { from, to: isMultiple ? from * to : to };
}

function withExtent(
  type: ValueType,
  { from, to }: { readonly from: number; readonly to: number },
): ValueType {
  if (type.kind !== "tensor") return type;
  return { ...type, shape: type.shape.map((dim) => (dim === from ? to : dim)) };
}

/** `rank(?x) == 1` asks for the same elements in one row, any other rank for extents to come or go. */
function withRank(guard: ExpressionSyntax, types: Map<string, ValueType>): boolean {
  if (guard.kind !== "compare" || guard.operator !== "==" || guard.right.kind !== "number") return false;
  const { left, right } = guard;
  const [arg] = left.kind === "call" && left.name.text === "rank" ? left.args : [];
  const type = arg?.kind === "variable" ? types.get(arg.name) : undefined;
  if (arg?.kind !== "variable" || type?.kind !== "tensor") return false;
  const extra = Math.max(0, type.shape.length - right.value + 1);
  const front = type.shape.slice(0, extra).reduce<number>((product, dim) => product * Number(dim), 1);
  const padding = Array.from({ length: Math.max(0, right.value - type.shape.length) }, () => 1);
  const merges = extra > 0 && right.value > 0;
  const shape = merges ? [front, ...type.shape.slice(extra)] : [...padding, ...type.shape];
  types.set(arg.name, { ...type, shape });
  return true;
}

const steerTries = 4;

/** Draws again with the root given the type that the right side had. */
function steer(form: RuleForm, { drawn }: Verdict, random: Random): Verdict | undefined {
  const [conclusion] = form.conclusions;
  if (conclusion === undefined) return undefined;
  const preset = new Map<string, ValueType>();
  for (const name of variablesOf(conclusion.template)) {
    const type = drawn.draw.types.get(name);
    if (type !== undefined) preset.set(name, type);
  }
  const type = typeOrUndefined(drawn, conclusion.template);
  if (type === undefined) return undefined;
  preset.set(conclusion.name, type);
  for (let i = 0; i < steerTries; i++) {
    const draw = drawLeft(form, random, preset);
    if (draw === undefined || !guardsHold(form, draw)) continue;
    const verdict = judge(form, draw);
    if (verdict.refusal === undefined) return verdict;
  }
  return undefined;
}

function typeOrUndefined({ facts }: DrawnForm, template: TemplateTerm): ValueType | undefined {
  try {
    return facts.factsOf(template).type;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

function variablesOf(term: TemplateTerm): readonly string[] {
  return term.kind === "variable" ? [term.name] : term.operands.flatMap(variablesOf);
}

function signatureOf(draw: LeftDraw): string {
  const types = [...draw.types].map(([name, type]) => `${name}: ${printType(type)}`).sort();
  return `${types.join(", ")} ${JSON.stringify([...draw.attributes].sort())}`;
}

/**
 * What a person has to read in a counter-example: elements of all operands; other formats than f32
 * count as more.
 */
function sizeOf({ types }: LeftDraw): number {
  let size = 0;
  for (const type of types.values()) {
    if (type.kind !== "tensor") continue;
    size += type.shape.reduce<number>((product, dim) => product * Number(dim), 1) + (type.dtype === "f32" ? 0 : 0.5);
  }
  return size;
}
