/**
 * Checks a rule by machine: draws operands that fit its left side, evaluates both sides, compares them as
 * the rule's class promises, and shrinks what differs. The smallest extents are tried first and fast-check
 * shrinks the values, so a counter-example is one that a person can follow.
 */

import type { Diagnostic } from "../../diagnostics/index.js";
import type { Value } from "../../ir/index.js";
import { isFloat, newTensor } from "../../ir/index.js";
import type { CompiledRule, RuleForm } from "../rule.js";
import type { Difference, ErrorSums } from "./compare.js";
import { errorOf, firstDifference, firstLostNaN } from "./compare.js";
import type { DrawnForm } from "./find-draws.js";
import { findDraws } from "./find-draws.js";
import type { ValuePlan } from "./draw-values.js";
import { firstNormalGrain, grainLimit, planValues } from "./draw-values.js";
import type { LeftSide, Side } from "./evaluate-sides.js";
import { evaluateLeft, evaluateRight, OutOfRange } from "./evaluate-sides.js";
import { allowedErrorOf } from "./judge-sides.js";
import { unchecked, unsound } from "./report.js";

export interface CheckOptions {
  /** Same seed, same verdict. */
  readonly seed: number;
  /** Draws of types and attributes. */
  readonly cases: number;
  /** Draws of values for each of them. */
  readonly valuesPerCase: number;
}

export const DEFAULT_CHECK_OPTIONS: CheckOptions = { seed: 1, cases: 20, valuesPerCase: 20 };

/** Tries for each draw that is wanted, before a rule counts as unchecked. */
const triesPerCase = 100;

/** Draws among which the cases are chosen. */
const choicePerCase = 3;

/** Larger draws cost much and show little. */
const maxElements = 20_000;

export interface CounterExample {
  readonly form: RuleForm;
  readonly drawn: DrawnForm;
  /** Of every variable of the left side. */
  readonly values: ReadonlyMap<string, Value>;
  /** Undefined when the right side leads outside its operands. */
  readonly difference: Difference | undefined;
}

export interface CheckReport {
  readonly rule: string;
  /** Draws of types that were evaluated, over all directions. */
  readonly cases: number;
  /** Times that both sides were evaluated. */
  readonly evaluations: number;
  /** Of an approximate rule: root mean square of the error over that of the exact result. */
  readonly relativeError?: number;
  readonly counterExample?: CounterExample;
  /** `rule/unsound`, `rule/unchecked`, or nothing. */
  readonly diagnostics: readonly Diagnostic[];
}

type FastCheck = typeof import("fast-check");

export async function checkRule(
  rule: CompiledRule,
  options: Partial<CheckOptions> = {},
): Promise<CheckReport> {
  const check = new Check(rule, { ...DEFAULT_CHECK_OPTIONS, ...options }, await import("fast-check"));
  return rule.numerics === "approximate" ? check.approximate() : check.precise();
}

type Verdict = { readonly kind: "agree" } | { readonly kind: "skip" } | ({ readonly kind: "differ" } & CounterExample);

/** Invariant: `#cases` and `#evaluations` count what was really compared. */
class Check {
  readonly #rule: CompiledRule;
  readonly #options: CheckOptions;
  readonly #fastCheck: FastCheck;
  #cases = 0;
  #evaluations = 0;

  constructor(rule: CompiledRule, options: CheckOptions, fastCheck: FastCheck) {
    this.#rule = rule;
    this.#options = options;
    this.#fastCheck = fastCheck;
  }

  precise(): CheckReport {
    for (const form of this.#rule.forms) {
      const before = this.#evaluations;
      for (const drawn of this.#draws(form)) {
        const counterExample = this.#falsify(form, drawn) ?? this.#loseNaN(form, drawn);
        if (counterExample === undefined) continue;
        return this.#report({ counterExample, diagnostics: [unsound(this.#rule, counterExample)] });
      }
      if (this.#evaluations === before) return this.#report({ diagnostics: [unchecked(this.#rule, form)] });
    }
    return this.#report({ diagnostics: [] });
  }

  /** Errors are judged over all draws together: one small result can be far off by chance. */
  approximate(): CheckReport {
    const [form] = this.#rule.forms;
    if (form === undefined) return this.#report({ diagnostics: [] });
    const sums = this.#draws(form).flatMap((drawn) => this.#errors(form, drawn));
    const total = sums.reduce(
      (a, b) => ({ error: a.error + b.error, signal: a.signal + b.signal }),
      { error: 0, signal: 0 },
    );
    if (total.signal === 0) return this.#report({ diagnostics: [unchecked(this.#rule, form)] });
    const relativeError = Math.sqrt(total.error / total.signal);
    const allowed = allowedErrorOf(form);
    const diagnostics = relativeError <= allowed ? [] : [unsound(this.#rule, { relativeError, allowed })];
    return this.#report({ relativeError, diagnostics });
  }

  #report(rest: Pick<CheckReport, "diagnostics" | "counterExample" | "relativeError">): CheckReport {
    return { rule: this.#rule.name, cases: this.#cases, evaluations: this.#evaluations, ...rest };
  }

  #draws(form: RuleForm): readonly DrawnForm[] {
    const { seed, cases } = this.#options;
    const { fitting } = findDraws(form, seed, { wanted: cases * choicePerCase, tries: cases * triesPerCase });
    return chooseDraws(fitting, cases);
  }

  /** Values for one draw, by fast-check, until the sides differ; then the simplest that still do. */
  #falsify(form: RuleForm, drawn: DrawnForm): CounterExample | undefined {
    const plan = planValues(form, drawn, this.#rule.numerics);
    if (plan === undefined || sizeOf(plan) > maxElements) return undefined;
    const fc = this.#fastCheck;
    const grains = plan.grained.map(({ count }) =>
      fc.array(fc.nat({ max: grainLimit - 1 }), { minLength: count, maxLength: count, size: "max" }),
    );
    const before = this.#evaluations;
    let found: CounterExample | undefined;
    fc.check(
      fc.property(fc.tuple(...grains), fc.nat({ max: 1000 }), (values, seed) => {
        const verdict = this.#compare(form, drawn, plan.values(values, seed));
        if (verdict.kind === "differ") found = verdict;
        return verdict.kind !== "differ";
      }),
      { seed: this.#options.seed, numRuns: this.#options.valuesPerCase, interruptAfterTimeLimit: 10_000 },
    );
    if (this.#evaluations > before) this.#cases += 1;
    return found;
  }

  /**
   * A NaN does not vanish, in whatever order sums are done: with one operand NaN throughout, what is NaN on
   * the left is NaN on the right. This is what refuses x · 0 = 0, which holds over the reals.
   */
  #loseNaN(form: RuleForm, drawn: DrawnForm): CounterExample | undefined {
    const plan = planValues(form, drawn, this.#rule.numerics);
    if (plan === undefined || sizeOf(plan) > maxElements) return undefined;
    const grains = normalGrains(plan, this.#options.seed);
    for (const { name, type } of plan.grained) {
      const values = isFloat(type.dtype) ? plan.values(grains, this.#options.seed) : undefined;
      if (values === undefined) continue;
      const blank = newTensor(type.dtype, type.shape.map(Number));
      blank.data.fill(NaN);
      const verdict = this.#compare(form, drawn, new Map([...values, [name, blank]]), firstLostNaN);
      if (verdict.kind === "differ") return verdict;
    }
    return undefined;
  }

  #errors(form: RuleForm, drawn: DrawnForm): readonly ErrorSums[] {
    const plan = planValues(form, drawn, this.#rule.numerics);
    if (plan === undefined || sizeOf(plan) > maxElements) return [];
    const grains = normalGrains(plan, this.#options.seed + 13 * this.#cases);
    const values = plan.values(grains, this.#options.seed);
    const sides = values && this.#evaluate(form, drawn, values);
    if (sides === undefined) return [];
    this.#cases += 1;
    return [errorOf(sides.left, sides.right)];
  }

  #evaluate(form: RuleForm, drawn: DrawnForm, values: ReadonlyMap<string, Value>): Sides | undefined {
    const left = evaluateLeft(form, drawn, values);
    if (left === undefined) return undefined;
    this.#evaluations += 1;
    return { left, right: evaluateRight(form, drawn, left.values) };
  }

  #compare(
    form: RuleForm,
    drawn: DrawnForm,
    values: ReadonlyMap<string, Value> | undefined,
    differ: typeof firstLostNaN = (left, right) => firstDifference(left, right, this.#rule.numerics),
  ): Verdict {
    if (values === undefined) return { kind: "skip" };
    const before = this.#evaluations;
    try {
      const sides = this.#evaluate(form, drawn, values);
      if (sides === undefined) return { kind: "skip" };
      const difference = differ(sides.left, sides.right);
      return difference ? { kind: "differ", form, drawn, values: sides.left.values, difference } : { kind: "agree" };
    } catch (error) {
      if (!(error instanceof OutOfRange)) throw error;
      // Left of the arrow it means that these operands fit no program; right of it, that the rule is wrong.
      return this.#evaluations === before ? { kind: "skip" } : { kind: "differ", form, drawn, values, difference: undefined };
    }
  }
}

/** Of draws sorted by size: half the smallest, which are easiest to read, half spread over the others. */
function chooseDraws(sorted: readonly DrawnForm[], count: number): readonly DrawnForm[] {
  const small = Math.ceil(count / 2);
  const others = sorted.slice(small);
  const step = Math.max(1, others.length / (count - small));
  const spread = others.filter((_, i) => Math.floor(i / step) > Math.floor((i - 1) / step));
  return [...sorted.slice(0, small), ...spread];
}

interface Sides {
  readonly left: LeftSide;
  readonly right: Side;
}

function sizeOf({ grained }: ValuePlan): number {
  return grained.reduce((sum, { count }) => sum + count, 0);
}

/** Normal deviates for every operand, the same for the same start. */
function normalGrains({ grained }: ValuePlan, start: number): readonly (readonly number[])[] {
  return grained.map(({ count }, operand) =>
    Array.from({ length: count }, (_, i) => normalGrain(start + 7919 * operand + i)),
  );
}

function normalGrain(index: number): number {
  return firstNormalGrain + (Math.imul(index, 0x9e3779b1) >>> 8) % (grainLimit - firstNormalGrain);
}
