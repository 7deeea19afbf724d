/**
 * Gives the names of a rule their meaning, and reports every mistake that can be seen without running it.
 * A rule becomes one form, or two when its arrow points both ways.
 */

import { didYouMean } from "../diagnostics/index.js";
import type { Registry } from "../ir/index.js";
import { hasTrait } from "../ir/index.js";
import { checkGuard } from "./check-expression.js";
import type { Findings } from "./findings.js";
import type { ResolveContext } from "./resolve-application.js";
import { operandsOf } from "./resolve-application.js";
import { resolvePattern } from "./resolve-pattern.js";
import { resolveTemplate } from "./resolve-template.js";
import type { NumericClass, PremiseForm, RuleForm, TemplateBinding, TemplateTerm } from "./rule.js";
import { numericClasses } from "./rule.js";
import { Scope } from "./scope.js";
import type { BindingSyntax, PremiseSyntax, RuleSyntax, TermSyntax } from "./syntax.js";

export interface ResolvedRule {
  readonly numerics: NumericClass;
  readonly forms: readonly RuleForm[];
}

/** Nodes of a left side; and of a right side when shared terms are written out at each use. */
const maxNodes = 500;
const maxPremises = 32;

/** Undefined after an error; errors and warnings go to `findings`. */
export function resolveRule(
  rule: RuleSyntax,
  registry: Registry,
  findings: Findings,
): ResolvedRule | undefined {
  const before = findings.errorCount;
  checkLeftSize(rule, findings);
  if (findings.errorCount > before) return undefined;
  const numerics = checkClass(rule, findings);
  const forms = [resolveDirection(rule, rule.name.text, registry, findings)];
  if (rule.arrow.text === "<=>") {
    const reversed = reverse(rule, findings);
    if (reversed) forms.push(resolveDirection(reversed, `${rule.name.text}.reverse`, registry, findings));
  }
  const complete = forms.every((form) => form !== undefined);
  if (complete && numerics === "approximate") forms.forEach((form) => checkRounding(form, findings));
  if (!complete || numerics === undefined || findings.errorCount > before) return undefined;
  return { numerics, forms };
}

function checkClass({ numerics, arrow, name }: RuleSyntax, findings: Findings): NumericClass | undefined {
  const found = numericClasses.find((each) => each === numerics?.text);
  if (found === undefined) {
    const word = numerics?.text;
    const message =
      word === undefined ? `the rule \`${name.text}\` does not say how its sides agree` : `\`${word}\` is not a numeric class`;
    const near = word === undefined ? undefined : didYouMean(word, numericClasses);
    const hint = near ?? "write `exact`, `reassociates` or `approximate` before `rule`";
    findings.report("rule/unknown-class", (numerics ?? name).span, message, { hint });
  } else if ((found === "approximate") !== (arrow.text === "~>")) {
    const hint = found === "approximate" ? "write `~>`" : "write `=>`, or make the rule approximate";
    findings.report(
      "rule/arrow",
      arrow.span,
      `\`${arrow.text}\` is not the arrow of a rule that is ${describe(found)}`,
      { hint },
    );
  }
  return found;
}

function describe(numerics: NumericClass): string {
  return numerics === "reassociates" ? "equal over the reals" : numerics;
}

/** The rule read from right to left. */
function reverse(rule: RuleSyntax, findings: Findings): RuleSyntax | undefined {
  const [premise, ...others] = rule.premises;
  if (premise === undefined || others.length > 0 || rule.right.kind === "bindings") {
    const hint = "write two rules with `=>`";
    findings.report(
      "rule/reverse",
      rule.arrow.span,
      "`<=>` takes one pattern on each side, without names", { hint },
    );
    return undefined;
  }
  const { term } = rule.right;
  return {
    ...rule,
    premises: [{ root: premise.root, term, span: term.span }],
    right: { kind: "term", term: premise.term, span: premise.span },
  };
}

function resolveDirection(
  rule: RuleSyntax,
  name: string,
  registry: Registry,
  findings: Findings,
): RuleForm | undefined {
  const before = findings.errorCount;
  const scope = new Scope(findings);
  const context: ResolveContext = { registry, findings, scope };
  const premises = rule.premises.map((each, i) => resolvePremise(each, i, context));
  if (findings.errorCount > before) scope.beLenient();
  // Guards are asked before anything is built, so they come before shared terms have names.
  for (const guard of rule.guards) checkGuard(guard, context);
  const { lets, conclusions } = resolveRight(rule, context);
  if (findings.errorCount > before || !premises.every((each) => each !== undefined)) return undefined;
  scope.reportUnused();
  const { guards, right } = rule;
  const form: RuleForm = { name, premises, lets, conclusions, guards, rightSpan: right.span };
  checkSize(form, findings);
  checkDifferent(rule, findings);
  return form;
}

function resolvePremise(
  { root, term }: PremiseSyntax,
  index: number,
  context: ResolveContext,
): PremiseForm | undefined {
  if (root !== null) context.scope.bind(root.name, "operand", root.span, true);
  if (term.kind !== "apply") {
    const hint = "start with an op, as in `add(?a, ?b)`";
    context.findings.report("rule/bare-pattern", term.span, "this pattern would match every value", { hint });
    return undefined;
  }
  const pattern = resolvePattern(term, context);
  return pattern && { root: root?.name ?? `$root${index}`, pattern };
}

interface Right {
  readonly lets: readonly TemplateBinding[];
  readonly conclusions: readonly TemplateBinding[];
}

function resolveRight({ right, premises }: RuleSyntax, context: ResolveContext): Right {
  if (right.kind === "bindings") return resolveBindings(right.bindings, right.let, premises, context);
  if (premises.length > 1) {
    const hint = "write `?root = …` with the name of a premise";
    const message = "with several premises, the right side must say which one gets the new form";
    context.findings.report("rule/roots", right.span, message, { hint });
  }
  const template = resolveTemplate(right.term, context);
  const name = premises[0]?.root?.name ?? "$root0";
  return { lets: [], conclusions: template ? [{ name, template }] : [] };
}

function resolveBindings(
  bindings: readonly BindingSyntax[],
  letWritten: boolean,
  premises: readonly PremiseSyntax[],
  context: ResolveContext,
): Right {
  const roots = new Set(premises.flatMap(({ root }) => (root === null ? [] : [root.name])));
  const lets: TemplateBinding[] = [];
  const conclusions: TemplateBinding[] = [];
  for (const { name, term } of bindings) {
    const template = resolveTemplate(term, context);
    const isRoot = roots.has(name.name);
    const problem = bindingProblem(name.name, { isRoot, letWritten }, conclusions, context.scope);
    if (problem !== undefined) context.findings.report("rule/roots", name.span, problem);
    if (!isRoot && !context.scope.has(name.name)) context.scope.declare(name.name, name.span);
    if (template) (isRoot ? conclusions : lets).push({ name: name.name, template });
  }
  if (!bindings.some(({ name }) => roots.has(name.name))) {
    const span = bindings[0]?.name.span ?? { start: 0, end: 0 };
    context.findings.report(
      "rule/roots",
      span,
      "no premise gets a new form",
      { hint: "name a premise's root: `?y = …`" },
    );
  }
  return { lets, conclusions };
}

function bindingProblem(
  name: string,
  { isRoot, letWritten }: { readonly isRoot: boolean; readonly letWritten: boolean },
  conclusions: readonly TemplateBinding[],
  scope: Scope,
): string | undefined {
  if (isRoot) {
    return conclusions.some((each) => each.name === name) ? `\`?${name}\` gets two new forms` : undefined;
  }
  if (scope.has(name)) return `\`?${name}\` is bound already, and is not a premise's root`;
  return letWritten ? undefined : `\`?${name}\` is not a premise's root; a shared term is bound after \`let\``;
}

/** Every new form must hold an op that rounds, itself or in a shared term that it reads. */
function checkRounding(form: RuleForm, findings: Findings): void {
  const marked = new Set<string>();
  const reads = (term: TemplateTerm): boolean =>
    term.kind === "variable" ? marked.has(term.name) : hasTrait(term.record, "rounds") || term.operands.some(reads);
  for (const { name, template } of form.lets) if (reads(template)) marked.add(name);
  if (form.conclusions.every(({ template }) => reads(template))) return;
  const hint = "approximation is `quantize(…)` of something, or an op that rounds; without it the rule is exact or reassociates";
  findings.report(
    "rule/missing-quantize",
    form.rightSpan,
    "an approximate form must read an op that rounds, as `quantize` does",
    { hint },
  );
}

/** Before anything else, since most checks take time that grows with it. */
function checkLeftSize({ premises }: RuleSyntax, findings: Findings): void {
  const size = (term: TermSyntax): number =>
    term.kind === "apply" ? operandsOf(term).reduce((sum, each) => sum + size(each), 1) : 1;
  for (const { term } of premises.slice(0, maxNodes)) {
    if (size(term) <= maxNodes) continue;
    findings.report("rule/too-large", term.span, `the pattern is more than ${maxNodes} nodes large`);
  }
  const excess = premises[maxPremises];
  if (excess) findings.report("rule/too-large", excess.span, `a rule has at most ${maxPremises} premises`);
}

function checkSize(form: RuleForm, findings: Findings): void {
  const sizes = new Map<string, number>();
  const size = (term: TemplateTerm): number =>
    term.kind === "variable"
      ? (sizes.get(term.name) ?? 1)
      : term.operands.reduce((sum, each) => sum + size(each), 1);
  for (const { name, template } of form.lets) sizes.set(name, size(template));
  const total = form.conclusions.reduce((sum, { template }) => sum + size(template), 0);
  if (total <= maxNodes) return;
  const message = `the right side is more than ${maxNodes} nodes large when its shared terms are written out`;
  findings.report("rule/too-large", form.rightSpan, message);
}

function checkDifferent({ premises, right }: RuleSyntax, findings: Findings): void {
  const pairs =
    right.kind === "term"
      ? premises.map(({ root, term }) => ({ root, left: term, right: right.term }))
      : premises.flatMap(({ root, term }) => {
          const binding = right.bindings.find(({ name }) => name.name === root?.name);
          return binding ? [{ root, left: term, right: binding.term }] : [];
        });
  for (const { root, left, right: built } of pairs) {
    const isRoot = built.kind === "variable" && built.name === root?.name;
    if (!isRoot && withoutSpans(left) !== withoutSpans(built)) continue;
    findings.report("rule/same-sides", built.span, "this is what the left side says already");
  }
}

function withoutSpans(syntax: object): string {
  return JSON.stringify(syntax, (key, value: unknown) => {
    if (key === "span") return undefined;
    return typeof value === "number" ? String(value) : value;
  });
}
