/**
 * Gives the names in a file's `test` blocks their meaning: declared leaves get types, terms get their ops,
 * and what cannot be well-typed is reported where it stands. Asked for by tools alone; compiling a model
 * never is.
 */

import type { Result, Source, Span } from "../../diagnostics/index.js";
import { failure, success } from "../../diagnostics/index.js";
import type { Registry, ValueType } from "../../ir/index.js";
import { hasTrait, printType, sameType } from "../../ir/index.js";
import type { Operand } from "../expression-values.js";
import { Findings } from "../findings.js";
import { resolveTemplate } from "../resolve-template.js";
import type { Settings, TemplateTerm } from "../rule.js";
import { Scope } from "../scope.js";
import type {
  ApplicationSyntax,
  ArgumentSyntax,
  CallSyntax,
  FileSyntax,
  GivenSyntax,
  TermSyntax,
  TestSyntax,
} from "../syntax.js";
import type { Bound } from "../template-facts.js";
import { Refusal, TemplateFacts } from "../template-facts.js";
import { declaredType } from "./declared-types.js";

/** A leaf of the terms: a parameter of the program, or a weight. */
export interface TestLeaf {
  readonly type: ValueType;
  readonly constant: boolean;
}

export interface RuleTest {
  readonly title: string;
  readonly source: Source;
  /** The whole block. */
  readonly span: Span;
  readonly start: TemplateTerm;
  readonly goal: TemplateTerm;
  readonly goalSpan: Span;
  /** False for `!=>`. */
  readonly reaches: boolean;
  readonly leaves: ReadonlyMap<string, TestLeaf>;
  /** Families besides the file's own. */
  readonly families: readonly { readonly name: string; readonly span: Span }[];
  readonly settings: Settings;
}

/** The tests of a parsed file, in its order. Everything that is wrong with them is reported together. */
export function resolveTests(
  { syntax, source }: { readonly syntax: FileSyntax; readonly source: Source },
  registry: Registry,
): Result<readonly RuleTest[]> {
  const findings = new Findings(source);
  const tests: RuleTest[] = [];
  const titles = new Map<string, Span>();
  let leaves: ReadonlyMap<string, TestLeaf> = new Map();
  for (const item of syntax.items) {
    if (item.kind === "given") leaves = withDeclared(leaves, item, findings);
    if (item.kind !== "test") continue;
    checkTitle(item, titles, findings);
    const test = resolveTest(item, leaves, { findings, registry });
    if (test !== undefined) tests.push(test);
  }
  return findings.errorCount > 0 ? failure(...findings.list()) : success(tests, findings.list());
}

/** A later declaration of a name replaces an earlier one; two in one list are a mistake. */
function withDeclared(
  before: ReadonlyMap<string, TestLeaf>,
  { declarations }: GivenSyntax,
  findings: Findings,
): ReadonlyMap<string, TestLeaf> {
  const leaves = new Map(before);
  const own = new Map<string, Span>();
  for (const { name, constant, type } of declarations) {
    const earlier = own.get(name.name);
    if (earlier !== undefined) {
      const related = { message: "it is declared here first", span: earlier };
      findings.report("rule/declaration", name.span, `\`?${name.name}\` is declared twice`, { related });
    }
    own.set(name.name, name.span);
    const found = declaredType(type, findings);
    if (found !== undefined) leaves.set(name.name, { type: found, constant });
  }
  return leaves;
}

function checkTitle({ title }: TestSyntax, titles: Map<string, Span>, findings: Findings): void {
  const earlier = titles.get(title.text);
  if (earlier !== undefined) {
    const related = { message: "the first one is here", span: earlier };
    findings.report("rule/duplicate-name", title.span, `there are two tests "${title.text}"`, { related });
  }
  titles.set(title.text, title.span);
}

interface TestContext {
  readonly findings: Findings;
  readonly registry: Registry;
}

function resolveTest(
  test: TestSyntax,
  declared: ReadonlyMap<string, TestLeaf>,
  { findings, registry }: TestContext,
): RuleTest | undefined {
  const before = findings.errorCount;
  const leaves = test.given === null ? declared : withDeclared(declared, test.given, findings);
  const scope = new Scope(findings);
  for (const name of leaves.keys()) scope.bind(name, "operand", test.span, true);
  const context = { findings, registry, scope };
  const start = resolveTemplate(withTypes(test.start, registry), context);
  const goal = resolveTemplate(withTypes(test.goal, registry), context);
  if (start === undefined || goal === undefined || findings.errorCount > before) return undefined;
  checkTypes(test, [start, goal], { leaves, findings });
  if (findings.errorCount > before) return undefined;
  return {
    title: test.title.text,
    source: findings.source,
    span: test.span,
    start,
    goal,
    goalSpan: test.goal.span,
    reaches: test.arrow.text === "=>",
    leaves,
    families: test.families.map(({ text, span }) => ({ name: text, span })),
    settings: Object.fromEntries(test.options.map(({ name, value }) => [name.text, value.text])),
  };
}

/** A leaf such as `constant(value: 2.0)` without a type is a scalar of f32. */
function withTypes(term: TermSyntax, registry: Registry): TermSyntax {
  if (term.kind !== "apply") return term;
  const args = term.args.map(
    (each): ArgumentSyntax => (each.kind === "operand" ? { ...each, term: withTypes(each.term, registry) } : each),
  );
  const record = registry.get(term.op.text);
  const isOpen = term.type === null && record !== undefined && hasTrait(record, "typed");
  return { ...term, args, type: isOpen ? scalarType(term) : term.type };
}

function scalarType({ span }: ApplicationSyntax): CallSyntax {
  const args: CallSyntax["args"] = [
    { kind: "word", text: "f32", span },
    { kind: "list", items: [], span },
  ];
  return { kind: "call", name: { text: "tensor", span }, args, span };
}

/** Terms of different types are never equal, which would make a `!=>` true of anything. */
function checkTypes(
  test: TestSyntax,
  [start, goal]: readonly [TemplateTerm, TemplateTerm],
  { leaves, findings }: { readonly leaves: RuleTest["leaves"]; readonly findings: Findings },
): void {
  const before = typeOf(start, test.start, leaves, findings);
  const after = typeOf(goal, test.goal, leaves, findings);
  if (before === undefined || after === undefined || sameType(before, after)) return;
  const message = `the goal is ${printType(after)}, what it starts from is ${printType(before)}`;
  findings.report("rule/test-type", test.goal.span, message, { hint: "terms of different types are never equal" });
}

function typeOf(
  term: TemplateTerm,
  { span }: TermSyntax,
  leaves: RuleTest["leaves"],
  findings: Findings,
): ValueType | undefined {
  try {
    return factsOver(leaves).factsOf(term).type;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    findings.report("rule/test-type", span, error.message);
    return undefined;
  }
}

/** Attributes and types of terms over declared leaves. */
export function factsOver(leaves: RuleTest["leaves"]): TemplateFacts {
  const names = [...leaves.keys()];
  const bound: Bound = {
    operand: (name): Operand | undefined => {
      const leaf = leaves.get(name);
      return leaf && { kind: "operand", ...leaf, identity: names.indexOf(name) };
    },
    attribute: () => undefined,
  };
  return new TemplateFacts(bound, [], {});
}
