/**
 * Rules that feed themselves: some part of the right side matches the left side again, with a larger term for
 * one of its variables, so the graph grows until a limit stops it. A guard that can be seen to fail for that
 * part ends it. Conservative: growth that needs two rules is not seen.
 */

import type { AttrValue } from "../../ir/index.js";
import { evaluateAttribute, evaluateExpression } from "../evaluate-expression.js";
import { sameAttribute } from "../expression-values.js";
import type {
  AttrPattern,
  CompiledRule,
  NodePattern,
  NodeTemplate,
  PatternTerm,
  RuleForm,
  ScalarPattern,
  TemplateTerm,
} from "../rule.js";
import type { LintFinding } from "./lint-rules.js";

export function growthFindings(rule: CompiledRule): readonly LintFinding[] {
  if (rule.purpose === "explore") return [];
  const form = rule.forms.find(growsItself);
  if (form === undefined) return [];
  const message = `\`${form.name}\` matches a part of what it builds, and makes it larger each time`;
  const hint = "a guard that its own result fails ends this, or another rule that takes the result apart; else `explore`";
  return [{ code: "rule/grows", rule, span: form.rightSpan, message, hint }];
}

function growsItself(form: RuleForm): boolean {
  const [premise, ...others] = form.premises;
  // Several premises pin each other by values that are there already.
  if (premise === undefined || others.length > 0) return false;
  const templates = [...form.lets, ...form.conclusions].map(({ template }) => template);
  return templates.flatMap(partsOf).some((part) => {
    const match = new PartMatch();
    return match.node(premise.pattern, part) && match.isLarger && !match.failsGuard(form);
  });
}

function partsOf(term: TemplateTerm): readonly NodeTemplate[] {
  return term.kind === "variable" ? [] : [term, ...term.operands.flatMap(partsOf)];
}

/** Invariant: a variable of the pattern stands for one term or one attribute. */
class PartMatch {
  readonly #terms = new Map<string, TemplateTerm>();
  readonly #attributes = new Map<string, AttrValue>();

  /** Whether a template would match a pattern, as far as its attributes are literals. */
  node(pattern: NodePattern, template: NodeTemplate): boolean {
    const sameArity = pattern.operands.length === template.operands.length;
    if (pattern.record !== template.record || !sameArity) return false;
    const attributes = template.attrs.every(({ name, kind, value }) => {
      const known = evaluateAttribute(value, kind, { settings: {}, lookup: () => undefined });
      return this.#attribute(pattern.attrs[name] ?? { kind: "any" }, known);
    });
    return attributes && pattern.operands.every((each, i) => this.#operand(each, template.operands[i]!));
  }

  #operand(pattern: PatternTerm, template: TemplateTerm): boolean {
    if (pattern.kind === "node") return template.kind === "node" && this.node(pattern, template);
    const earlier = this.#terms.get(pattern.name);
    if (earlier !== undefined) return shapeOf(earlier) === shapeOf(template);
    this.#terms.set(pattern.name, template);
    return true;
  }

  /** An attribute that is computed may be anything. */
  #attribute(pattern: AttrPattern, value: AttrValue | undefined): boolean {
    if (value === undefined || pattern.kind === "any") return true;
    if (pattern.kind !== "list") return this.#scalar(pattern, value);
    if (!Array.isArray(value) || value.length !== pattern.items.length) return false;
    const elements: readonly (number | string)[] = value as readonly (number | string)[];
    return pattern.items.every((item, i) => this.#scalar(item, elements[i]!));
  }

  #scalar(pattern: ScalarPattern, value: AttrValue): boolean {
    if (pattern.kind === "literal") return sameAttribute(pattern.value, value);
    if (pattern.kind === "bind") this.#attributes.set(pattern.name, value);
    return true;
  }

  get isLarger(): boolean {
    return [...this.#terms.values()].some(({ kind }) => kind === "node");
  }

  failsGuard({ guards }: RuleForm): boolean {
    const environment = { settings: {}, lookup: (name: string) => this.#attributes.get(name) };
    return guards.some((guard) => evaluateExpression(guard, environment) === false);
  }
}

function shapeOf(term: TemplateTerm): string {
  return JSON.stringify(term, (key, value: unknown) => (key === "span" || key === "record" ? nameOf(value) : value));
}

function nameOf(value: unknown): string | undefined {
  return typeof value === "object" && value !== null && "name" in value ? String(value.name) : undefined;
}
