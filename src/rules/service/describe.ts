/** Markdown about the names of a rule file: what an op is, what a variable stands for. */

import type { Span } from "../../diagnostics/index.js";
import type { OpRecord, Registry, ValueType } from "../../ir/index.js";
import { printType } from "../../ir/index.js";
import { bindersOf, nodesOf } from "../attribute-binders.js";
import type { DrawnForm } from "../check/find-draws.js";
import { findDraws } from "../check/find-draws.js";
import type { PreludeFunction } from "../prelude.js";
import { prelude } from "../prelude.js";
import type { CompiledRule, RuleForm, TemplateTerm } from "../rule.js";
import { Refusal } from "../template-facts.js";
import type { RuleTest } from "../test-blocks/resolve-tests.js";
import { factsOver } from "../test-blocks/resolve-tests.js";
import type { FileSymbol, NamedSymbol, VariableSymbol } from "./symbols.js";
import { classDocs, purposeDocs } from "./words.js";

/** What is known of the file that a symbol stands in. */
export interface Known {
  readonly text: string;
  readonly registry: Registry;
  readonly rules: readonly CompiledRule[];
  readonly tests: readonly RuleTest[];
}

/** Undefined where there is nothing to say. */
export function describeSymbol(symbol: FileSymbol, known: Known): string | undefined {
  switch (symbol.kind) {
    case "variable":
      return describeVariable(symbol, known);
    case "op":
      return describeOp(symbol, known);
    case "attribute":
      return describeAttribute(symbol, known);
    case "function":
      return describeFunction(symbol.text);
    case "class":
      return lookUp(classDocs, symbol.text);
    case "purpose":
      return lookUp(purposeDocs, symbol.text);
    case "rule":
      return describeRule(symbol, known);
    case "dtype":
    case "family":
    case "import":
      return undefined;
  }
}

function lookUp(docs: Readonly<Record<string, string>>, word: string): string | undefined {
  return Object.hasOwn(docs, word) ? docs[word] : undefined;
}

/** `matmul(?a, ?b)`, with a `_` for each attribute. */
export function applicationText(record: OpRecord): string {
  const operands = record.operands.map((name) => (name.startsWith("...") ? `?${name.slice(3)}` : `?${name}`));
  return `${record.name}(${[...operands, ...Object.keys(record.attrs).map((name) => `${name}: _`)].join(", ")})`;
}

/** `axis: int`. */
export function attributeList(record: OpRecord): readonly string[] {
  return Object.entries(record.attrs).map(([name, kind]) => `${name}: ${kind}`);
}

/** `dim(operand, number) → dim`. */
export function signatureText({ name, parameters, rest, result }: PreludeFunction): string {
  const more = rest === undefined ? [] : ["…"];
  return `${name}(${[...parameters, ...more].join(", ")}) → ${result}`;
}

function code(text: string): string {
  return `\`\`\`rules\n${text}\n\`\`\``;
}

function describeOp({ text, span }: NamedSymbol, known: Known): string | undefined {
  const record = known.registry.get(text);
  if (record === undefined) return undefined;
  const operands = record.operands.map((name) => name.replace("...", "…"));
  const signature = `${text}(${[...operands, ...attributeList(record)].join(", ")})`;
  const types = typesAt(span, known);
  const traits = record.traits.length === 0 ? [] : [`*${record.traits.join(", ")}*`];
  return [code(signature), record.doc, ...types, ...traits].join("\n\n");
}

function describeAttribute({ text, application }: NamedSymbol, { registry }: Known): string | undefined {
  const record = application && registry.get(application.op.text);
  const kind = record !== undefined && Object.hasOwn(record.attrs, text) ? record.attrs[text] : undefined;
  return kind && `${code(`${text}: ${kind}`)}\n\nAn attribute of \`${application?.op.text ?? ""}\`.`;
}

function describeFunction(name: string): string | undefined {
  const found = prelude.get(name);
  return found && `${code(signatureText(found))}\n\n${found.doc}`;
}

function describeRule({ text }: NamedSymbol, { rules }: Known): string | undefined {
  const rule = rules.find(({ name }) => name === text);
  return rule && `${code(`${rule.numerics} rule ${text}`)}\n\n${rule.doc}\n\n${classDocs[rule.numerics]}`;
}

function describeVariable({ text, scope }: VariableSymbol, known: Known): string | undefined {
  if (scope.kind !== "rule") {
    const declared = declarationsOf(scope).find(({ name }) => name.name === text);
    return declared && code(known.text.slice(declared.span.start, declared.span.end));
  }
  const rule = known.rules.find(({ ast }) => ast.span.start === scope.span.start);
  const [form] = rule?.forms ?? [];
  if (rule === undefined || form === undefined) return code(`?${text}`);
  const attribute = nodesOf(form.premises).flatMap(bindersOf).find(({ name }) => name === text);
  const guards = rule.ast.guards
    .map(({ span: guard }) => known.text.slice(guard.start, guard.end))
    .filter((guard) => guard.includes(`?${text}`));
  const asked = guards.length === 0 ? [] : [`Asked of it: ${guards.map((guard) => `\`${guard}\``).join(", ")}`];
  if (attribute !== undefined) {
    const { node, attr } = attribute;
    return [code(`?${text}: ${node.record.attrs[attr] ?? ""}`), `The attribute \`${attr}\` of \`${node.record.name}\`.`, ...asked].join("\n\n");
  }
  const types = exampleTypes(form, (drawn) => typeOfVariable(text, drawn, form));
  return [code(`?${text}`), "A value.", ...examples(types), ...asked].join("\n\n");
}

function declarationsOf(scope: Exclude<VariableSymbol["scope"], { kind: "rule" }>) {
  return scope.kind === "given" ? scope.declarations : (scope.given?.declarations ?? []);
}

function typeOfVariable(name: string, { draw, facts }: DrawnForm, form: RuleForm): ValueType | undefined {
  const shared = form.lets.find((each) => each.name === name);
  return shared === undefined ? draw.types.get(name) : orUndefined(() => facts.factsOf(shared.template).type);
}

/** The type of an application: inferred in a test, in a rule that of a few draws. */
function typesAt({ start }: Span, { rules, tests }: Known): readonly string[] {
  const test = tests.find(({ span }) => span.start <= start && start < span.end);
  if (test !== undefined) {
    const term = findTerm([test.start, test.goal], start);
    const type = term && orUndefined(() => factsOver(test.leaves).factsOf(term).type);
    return type === undefined ? [] : [`Here: \`${printType(type)}\``];
  }
  const rule = rules.find(({ place }) => place.span.start <= start && start < place.span.end);
  const [form] = rule?.forms ?? [];
  if (form === undefined) return [];
  const node = nodesOf(form.premises).find(({ span }) => span.start === start);
  const term = findTerm([...form.lets, ...form.conclusions].map(({ template }) => template), start);
  return examples(
    exampleTypes(form, ({ draw, facts }) => {
      if (node !== undefined) return draw.nodeTypes.get(node);
      return term && orUndefined(() => facts.factsOf(term).type);
    }),
  );
}

function findTerm(terms: readonly TemplateTerm[], start: number): TemplateTerm | undefined {
  for (const term of terms) {
    if (term.kind !== "node") continue;
    if (term.span.start === start) return term;
    const below = findTerm(term.operands, start);
    if (below !== undefined) return below;
  }
  return undefined;
}

/** Few and fast: a hover is worth a tenth of a second. */
const exampleDraws = { wanted: 3, tries: 60 };

type TypeOf = (drawn: DrawnForm) => ValueType | undefined;

function exampleTypes(form: RuleForm, typeOf: TypeOf): readonly string[] {
  const { fitting } = findDraws(form, 1, exampleDraws);
  const types = fitting.map(typeOf).filter((type) => type !== undefined);
  return [...new Set(types.map(printType))];
}

function examples(types: readonly string[]): readonly string[] {
  return types.length === 0 ? [] : [`For example ${types.map((type) => `\`${type}\``).join(", ")}`];
}

function orUndefined<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
