/**
 * From a form to a rule of the engine. Literals are tested on labels; guards, types and attribute arithmetic
 * are worked out in the condition, so that what is built is well-typed and equal in type to what it joins.
 */

import { invariant } from "../base/index.js";
import type { MatchView, Pattern, PayloadPattern, PayloadTemplate, PayloadValue, Template } from "../egraph-ts/index.js";
import type { Attrs, AttrValue } from "../ir/index.js";
import { hasTrait } from "../ir/index.js";
import type { Binder } from "./attribute-binders.js";
import { bindersOf, fitsLiterals, nodesOf, readBinder, readBinderValue } from "./attribute-binders.js";
import type { Environment } from "./evaluate-expression.js";
import { evaluateAttribute, evaluateExpression } from "./evaluate-expression.js";
import { sameAttribute } from "./expression-values.js";
import type { Facts, NodePayload } from "./facts.js";
import { payloadKey } from "./facts.js";
import type { AttrPattern, EngineRule, NodePattern, NodeTemplate, RuleForm, Settings, TemplateTerm } from "./rule.js";
import type { ExpressionSyntax } from "./syntax.js";
import type { Bound } from "./template-facts.js";
import { refusalOfForm, TemplateFacts } from "./template-facts.js";

type Match = MatchView<Facts>;

/** What the compiled functions of one form share. */
interface Compilation {
  readonly form: RuleForm;
  readonly settings: Settings;
  /** The engine's name for the payload of a node that binds attributes. */
  readonly payloadNames: ReadonlyMap<NodePattern, string>;
  /** Binders by name; the first defines, the others must agree. */
  readonly binders: ReadonlyMap<string, readonly Binder[]>;
}

export function compileForm(form: RuleForm, settings: Settings): EngineRule {
  const compilation = prepare(form, settings);
  const refusal = (match: Match): string | undefined => refusalOfMatch(compilation, match);
  const lets = new Map<string, Template<Facts>>();
  for (const { name, template } of form.lets) lets.set(name, compileTemplate(template, lets, compilation));
  return {
    name: form.name,
    premises: form.premises.map(({ root, pattern }) => ({
      root,
      pattern: compilePattern(pattern, compilation),
    })),
    condition: (match) => refusal(match) === undefined,
    conclusions: form.conclusions.map(({ name, template }) => ({
      root: name,
      template: compileTemplate(template, lets, compilation),
    })),
    refusal,
  };
}

function prepare(form: RuleForm, settings: Settings): Compilation {
  const binding = nodesOf(form.premises).filter((node) => bindersOf(node).length > 0);
  const binders = new Map<string, Binder[]>();
  for (const binder of binding.flatMap(bindersOf)) {
    const same = binders.get(binder.name);
    if (same === undefined) binders.set(binder.name, [binder]);
    else same.push(binder);
  }
  return { form, settings, binders, payloadNames: new Map(binding.map((node, i) => [node, `attrs${i}`])) };
}

// The left side.

function compilePattern(node: NodePattern, compilation: Compilation): Pattern {
  return {
    kind: "node",
    op: node.record.name,
    payload: compilePayload(node, compilation.payloadNames.get(node)),
    children: node.operands.map((each) =>
      each.kind === "variable" ? { kind: "variable", name: each.name } : compilePattern(each, compilation),
    ),
  };
}

function compilePayload(node: NodePattern, bind: string | undefined): PayloadPattern {
  const attrs = literalAttrs(node.attrs);
  // A typed op's label holds its type as well, which no pattern pins.
  if (attrs !== undefined && !hasTrait(node.record, "typed")) return { kind: "exact", payload: { attrs }, key: payloadKey({ attrs }) };
  const test = (payload: unknown): boolean => fitsLiterals(node, asPayload(payload));
  return { kind: "any", test, ...(bind !== undefined && { bind }) };
}

/** The attributes, if every one of them is pinned. */
function literalAttrs(patterns: Readonly<Record<string, AttrPattern>>): Attrs | undefined {
  const attrs: Record<string, AttrValue> = {};
  for (const [name, pattern] of Object.entries(patterns)) {
    const value = pattern.kind === "list" ? literalList(pattern) : pattern.kind === "literal" ? pattern.value : undefined;
    if (value === undefined) return undefined;
    attrs[name] = value;
  }
  return attrs;
}

function literalList({ items }: Extract<AttrPattern, { kind: "list" }>): AttrValue | undefined {
  const values = items.flatMap((item) => (item.kind === "literal" ? [item.value as number] : []));
  return values.length === items.length ? values : undefined;
}

/** Ops without attributes may be added without a payload. */
function asPayload(payload: unknown): NodePayload {
  return (payload as NodePayload | undefined) ?? { attrs: {} };
}

// The condition.

function refusalOfMatch(compilation: Compilation, match: Match): string | undefined {
  const { form, settings, binders } = compilation;
  for (const [name, places] of binders) {
    if (!agree(places, compilation, match)) return `\`?${name}\` stands for different attributes`;
  }
  return refusalOfForm(form, boundBy(compilation, match), settings, holds)?.message;
}

function holds(guard: ExpressionSyntax, environment: Environment): boolean {
  return evaluateExpression(guard, environment) === true;
}

function agree([first, ...others]: readonly Binder[], compilation: Compilation, match: Match): boolean {
  if (first === undefined || others.length === 0) return true;
  const value = readBinder(first, payloadAt(first, compilation, match));
  return others.every((each) => sameAttribute(readBinder(each, payloadAt(each, compilation, match)), value));
}

function payloadAt({ node }: Binder, { payloadNames }: Compilation, match: Match): NodePayload {
  const name = payloadNames.get(node);
  invariant(name !== undefined, "a node with binders has a payload name");
  return asPayload(match.payloadOf(name));
}

function boundBy(compilation: Compilation, match: Match): Bound {
  return {
    operand: (name) => {
      const cls = match.classOf(name);
      return { kind: "operand", ...match.graph.data(cls), identity: match.graph.find(cls) };
    },
    attribute: (name) => {
      const binder = compilation.binders.get(name)?.[0];
      return binder && readBinderValue(binder, payloadAt(binder, compilation, match));
    },
  };
}

// The right side.

function compileTemplate(
  term: TemplateTerm,
  lets: ReadonlyMap<string, Template<Facts>>,
  compilation: Compilation,
): Template<Facts> {
  if (term.kind === "variable") return lets.get(term.name) ?? { kind: "variable", name: term.name };
  return {
    kind: "node",
    op: term.record.name,
    payload: compileTemplatePayload(term, compilation),
    children: term.operands.map((each) => compileTemplate(each, lets, compilation)),
  };
}

function compileTemplatePayload(term: NodeTemplate, compilation: Compilation): PayloadTemplate<Facts> {
  const constant = constantPayload(term, compilation.settings);
  if (constant !== undefined) return constant;
  // The condition has worked this out for the same match, so it cannot be refused now.
  return (match) => {
    const facts = new TemplateFacts(boundBy(compilation, match), compilation.form.lets, compilation.settings);
    return payloadValue(facts.payloadOf(term));
  };
}

/** The payload, if no attribute depends on the match. */
function constantPayload({ attrs, type }: NodeTemplate, settings: Settings): PayloadValue | undefined {
  if (type !== undefined || attrs.some(({ value }) => readsMatch(value))) return undefined;
  const values: Record<string, AttrValue> = {};
  for (const { name, kind, value } of attrs) {
    const computed = evaluateAttribute(value, kind, { settings, lookup: () => undefined });
    if (computed === undefined) return undefined;
    values[name] = computed;
  }
  return payloadValue({ attrs: values });
}

function readsMatch(expression: ExpressionSyntax): boolean {
  switch (expression.kind) {
    case "number":
    case "string":
    case "word":
    case "wildcard":
      return false;
    case "variable":
      return true;
    case "list":
    case "any":
      return expression.items.some(readsMatch);
    case "call":
      return expression.args.some(readsMatch);
    case "negate":
    case "not":
      return readsMatch(expression.operand);
    case "arithmetic":
    case "compare":
      return readsMatch(expression.left) || readsMatch(expression.right);
  }
}

function payloadValue(payload: NodePayload): PayloadValue {
  return { payload, key: payloadKey(payload) };
}
