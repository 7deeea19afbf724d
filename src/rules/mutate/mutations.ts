/**
 * Breaks a rule in every way that its author might have got it wrong: one guard less, operands in another
 * order, another axis, constant, permutation, predicate, format or function, a name that no longer has to
 * agree. Mutants are syntax, like what a person would have written.
 */

import type { Span } from "../../diagnostics/index.js";
import type { Registry } from "../../ir/index.js";
import { variablesOf } from "../check-expression.js";
import type { ApplicationSyntax, ExpressionSyntax, RuleSyntax, TermSyntax } from "../syntax.js";
import { changedAttributes } from "./changed-attributes.js";
import { commutative, siblings } from "./siblings.js";

export interface Mutation {
  /** Says what was changed; no two mutants of a rule have the same. */
  readonly title: string;
  /** Where in the rule. */
  readonly span: Span;
  readonly rule: RuleSyntax;
}

/** One change of a node of the syntax: the node, and what stands in its place. */
export interface Change {
  readonly title: string;
  readonly span: Span;
  readonly from: object;
  readonly to: object;
}

/** `text` is that of the file, for the titles. */
export function mutationsOf(rule: RuleSyntax, text: string, registry: Registry): readonly Mutation[] {
  const shown = (span: Span): string => text.slice(span.start, span.end).replace(/\s+/g, " ");
  const left = rule.premises.flatMap(({ term }) => applicationsOf(term));
  const right = rightTerms(rule).flatMap(applicationsOf);
  const changes = [
    ...[...left, ...right].flatMap((term) => changesOf(term, registry)),
    ...left.flatMap((term) => unpinned(term, shown)),
    ...unlinked(rule, left),
    ...rule.guards.flatMap((guard) => changedNumbers(guard, shown)),
  ];
  const made = changes.map(({ title, span, from, to }) => {
    return { title, span, rule: replaced(rule, from, to) as RuleSyntax };
  });
  return numbered([...withoutGuards(rule, shown), ...made]);
}

function rightTerms({ right }: RuleSyntax): readonly TermSyntax[] {
  return right.kind === "term" ? [right.term] : right.bindings.map(({ term }) => term);
}

function applicationsOf(term: TermSyntax): readonly ApplicationSyntax[] {
  if (term.kind !== "apply") return [];
  return [term, ...term.args.flatMap((arg) => (arg.kind === "operand" ? applicationsOf(arg.term) : []))];
}

function withoutGuards(rule: RuleSyntax, shown: (span: Span) => string): readonly Mutation[] {
  return rule.guards.map((guard) => ({
    title: `without \`${shown(guard.span)}\``,
    span: guard.span,
    rule: { ...rule, guards: rule.guards.filter((each) => each !== guard) },
  }));
}

/** What can be changed of an op on either side. */
function changesOf(term: ApplicationSyntax, registry: Registry): readonly Change[] {
  return [...swappedOperands(term), ...otherOps(term), ...changedAttributes(term, registry)];
}

function swappedOperands(term: ApplicationSyntax): readonly Change[] {
  const { op, args } = term;
  const operands = args.filter((each) => each.kind === "operand");
  if (commutative.has(op.text) && operands.length === 2) return [];
  return operands.slice(1).flatMap((second, i): Change[] => {
    const first = operands[i]!;
    if (meaning(first.term) === meaning(second.term)) return [];
    const to = {
      ...term,
      args: args.map((each) => (each === first ? second : each === second ? first : each)),
    };
    return [{ title: `operands ${i + 1} and ${i + 2} of \`${op.text}\` swapped`, span: op.span, from: term, to }];
  });
}

function otherOps(term: ApplicationSyntax): readonly Change[] {
  return (siblings.get(term.op.text) ?? []).map((name) => ({
    title: `\`${term.op.text}\` becomes \`${name}\``,
    span: term.op.span,
    from: term.op,
    to: { ...term.op, text: name },
  }));
}

/** A literal of the left side that may be anything. */
function unpinned({ op, args }: ApplicationSyntax, shown: (span: Span) => string): readonly Change[] {
  return args.flatMap((arg): Change[] => {
    if (arg.kind !== "attribute" || arg.value.kind === "variable" || arg.value.kind === "wildcard") return [];
    const { span } = arg.value;
    if (arg.value.kind === "list" && arg.value.items.every(isOpen)) return [];
    const title = `\`${shown(arg.span)}\` of \`${op.text}\` is any`;
    return [{ title, span, from: arg.value, to: { kind: "wildcard", span } }];
  });
}

function isOpen({ kind }: ExpressionSyntax): boolean {
  return kind === "variable" || kind === "wildcard";
}

/** A name that stands twice on the left, where the second time no longer has to be the first. */
function unlinked({ premises }: RuleSyntax, left: readonly ApplicationSyntax[]): readonly Change[] {
  const seen = new Set(premises.flatMap(({ root }) => (root === null ? [] : [root.name])));
  const changes: Change[] = [];
  const visit = (node: ExpressionSyntax | TermSyntax, place: string): void => {
    if (node.kind !== "variable") return;
    if (!seen.has(node.name)) {
      seen.add(node.name);
      return;
    }
    const to = { kind: "wildcard", span: node.span };
    changes.push({ title: `\`?${node.name}\` in \`${place}\` is any`, span: node.span, from: node, to });
  };
  for (const { op, args } of left) {
    for (const arg of args) {
      if (arg.kind === "operand") visit(arg.term, op.text);
      else if (arg.value.kind === "list") arg.value.items.forEach((item) => visit(item, op.text));
      else visit(arg.value, op.text);
    }
  }
  return changes;
}

/** A guard that compares with another number; an argument of a function is left as it is. */
function changedNumbers(guard: ExpressionSyntax, shown: (span: Span) => string): readonly Change[] {
  if (guard.kind !== "compare" || variablesOf(guard).length === 0) return [];
  return numbersOf(guard).map((number) => ({
    title: `${number.value} in \`${shown(guard.span)}\` becomes ${number.value + 1}`,
    span: number.span,
    from: number,
    to: { ...number, value: number.value + 1 },
  }));
}

type NumberSyntax = Extract<ExpressionSyntax, { kind: "number" }>;

function numbersOf(expression: ExpressionSyntax): readonly NumberSyntax[] {
  switch (expression.kind) {
    case "number":
      return [expression];
    case "compare":
    case "arithmetic":
      return [...numbersOf(expression.left), ...numbersOf(expression.right)];
    default:
      return [];
  }
}

/** A copy in which one node, found by identity, is another. */
function replaced(root: unknown, from: object, to: object): unknown {
  if (root === from) return to;
  if (Array.isArray(root)) return root.map((each) => replaced(each, from, to));
  if (typeof root !== "object" || root === null) return root;
  return Object.fromEntries(Object.entries(root).map(([key, value]) => [key, replaced(value, from, to)]));
}

/** Syntax without its places. */
export function meaning(syntax: object): string {
  return JSON.stringify(syntax, (key, value: unknown) => {
    if (key === "span") return undefined;
    return typeof value === "number" ? String(value) : value;
  });
}

/** Equal titles get numbers, so that a note can be about one of them. */
function numbered(mutations: readonly Mutation[]): readonly Mutation[] {
  const counts = new Map<string, number>();
  return mutations.map((each) => {
    const earlier = counts.get(each.title) ?? 0;
    counts.set(each.title, earlier + 1);
    return earlier === 0 ? each : { ...each, title: `${each.title} (${earlier + 1})` };
  });
}
