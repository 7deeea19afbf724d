/**
 * What patterns and templates have in common: the op must exist, its operands must be as many as it takes,
 * and every attribute must be written once.
 */

import { didYouMean } from "../diagnostics/index.js";
import type { OpRecord, Registry } from "../ir/index.js";
import { hasTrait, isVariadic } from "../ir/index.js";
import type { Findings } from "./findings.js";
import type { Scope } from "./scope.js";
import type { ApplicationSyntax, AttributeSyntax, TermSyntax } from "./syntax.js";

export interface ResolveContext {
  readonly registry: Registry;
  readonly findings: Findings;
  readonly scope: Scope;
}

export interface ApplicationParts {
  readonly operands: readonly TermSyntax[];
  /** One for each attribute of the record that was written, in the record's order. */
  readonly attributes: readonly AttributeSyntax[];
}

export function lookUpOp(
  { op }: ApplicationSyntax,
  { registry, findings }: ResolveContext,
): OpRecord | undefined {
  const record = registry.get(op.text);
  if (record !== undefined) return record;
  const hint = didYouMean(op.text, registry.ops.keys());
  findings.report("rule/unknown-op", op.span, `there is no op \`${op.text}\``, { hint });
  return undefined;
}

export function operandsOf({ args }: ApplicationSyntax): readonly TermSyntax[] {
  return args.flatMap((arg) => (arg.kind === "operand" ? [arg.term] : []));
}

/** Checks counts and names; values are checked by the caller, differently on each side. */
export function checkParts(
  term: ApplicationSyntax,
  record: OpRecord,
  { findings }: ResolveContext,
): ApplicationParts {
  const operands = operandsOf(term);
  checkOperandCount(term, record, operands.length, findings);
  const written = new Map<string, AttributeSyntax>();
  for (const arg of term.args) {
    if (arg.kind === "attribute") checkAttributeName(arg, record, written, findings);
  }
  const missing = Object.keys(record.attrs).filter((name) => !written.has(name));
  if (missing.length > 0) {
    const names = missing.map((name) => `\`${name}\``).join(", ");
    const message = `\`${record.name}\` needs its ${missing.length === 1 ? "attribute" : "attributes"} ${names}`;
    const hint = `write \`${String(missing[0])}: _\` on the left if any will do`;
    findings.report("rule/missing-attribute", term.op.span, message, { hint });
  }
  return { operands, attributes: Object.keys(record.attrs).flatMap((name) => written.get(name) ?? []) };
}

function checkOperandCount(
  term: ApplicationSyntax,
  record: OpRecord,
  found: number,
  findings: Findings,
): void {
  const expected = record.operands.length;
  const variadic = isVariadic(record);
  if (variadic ? found >= expected : found === expected) return;
  const noun = expected === 1 ? "operand" : "operands";
  const message = `\`${record.name}\` takes ${variadic ? "at least " : ""}${expected} ${noun}, found ${found}`;
  findings.report("rule/operand-count", term.op.span, message, { hint: `write ${signatureOf(record)}` });
}

function signatureOf(record: OpRecord): string {
  const operands = record.operands.map((name) => (name.startsWith("...") ? `?${name.slice(3)}1, …` : `?${name}`));
  const attributes = Object.keys(record.attrs).map((name) => `${name}: _`);
  return `\`${record.name}(${[...operands, ...attributes].join(", ")})\``;
}

function checkAttributeName(
  arg: AttributeSyntax,
  record: OpRecord,
  written: Map<string, AttributeSyntax>,
  findings: Findings,
): void {
  const { text, span } = arg.name;
  const earlier = written.get(text);
  if (!Object.hasOwn(record.attrs, text)) {
    const names = Object.keys(record.attrs);
    const known = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
    const hint = didYouMean(text, names) ?? known;
    findings.report(
      "rule/unknown-attribute",
      span,
      `\`${record.name}\` has no attribute \`${text}\``,
      { hint },
    );
  } else if (earlier !== undefined) {
    const related = { message: "it is written here first", span: earlier.name.span };
    findings.report(
      "rule/duplicate-attribute",
      span,
      `the attribute \`${text}\` is written twice`,
      { related },
    );
  } else {
    written.set(text, arg);
  }
}

/** `typed` ops are given a type where they are built, and nowhere else. */
export function checkWrittenType(
  term: ApplicationSyntax,
  record: OpRecord,
  findings: Findings,
  building: boolean,
): void {
  const needed = building && hasTrait(record, "typed");
  if (needed && term.type === null) {
    const message = `the type of \`${record.name}\` must be written`;
    const hint = "for example `: type(?x)` or `: tensor(f32, [])` behind it";
    findings.report("rule/written-type", term.op.span, message, { hint });
  } else if (!needed && term.type !== null) {
    const message = building
      ? `the type of \`${record.name}\` follows from its operands`
      : "a type is not written in a pattern";
    const hint = building ? "leave it out" : "name the value as a premise and ask for its type in a guard";
    findings.report("rule/written-type", term.type.span, message, { hint });
  }
}
