/**
 * Resolves one operation: its op, operands, attributes and types. After a mistake the results still get
 * the types that the text states for them, so that one mistake is reported once.
 */

import { didYouMean } from "../diagnostics/index.js";
import type { Attrs } from "./attrs.js";
import type { Findings } from "./findings.js";
import type { Operation } from "./graph.js";
import type { OpRecord } from "./op.js";
import { hasTrait } from "./op.js";
import { operandCountProblem, tryInfer } from "./registry.js";
import { resolveAttrs } from "./resolve-attrs.js";
import type { Draft, Finish, ResolveContext } from "./resolve-context.js";
import { resolveLayers } from "./resolve-layers.js";
import { checkResultCount, complete, defineResults, resolveOperands, resolveTypeAt } from "./resolve-values.js";
import type { NameSyntax, OperationSyntax } from "./syntax.js";
import { printType, sameType } from "./types.js";

const dialect = "llm.";

/** Undefined after a report. */
export function resolveOperation(syntax: OperationSyntax, context: ResolveContext): Operation | undefined {
  const { findings, scope } = context;
  const before = findings.count;
  const op = { text: syntax.op.text.slice(dialect.length), span: syntax.op.span };
  const operands = resolveOperands(syntax, context);
  // Where the text says one type and the value has another, nothing can be concluded from either.
  const agreed = findings.count === before;
  const operandTypes = operands.map((each) => (agreed ? scope.typeOf(each) : undefined));
  const declared = syntax.resultTypes.types.map((each) => resolveTypeAt(each, findings));
  const draft: Draft = { syntax, op, operands, operandTypes, declared };
  const finish = resolveOp(draft, context);
  const results = defineResults(draft, context);
  const found = complete(operands);
  return findings.count === before && found !== undefined ? finish?.(found, results) : undefined;
}

function resolveOp(draft: Draft, context: ResolveContext): Finish | undefined {
  const { syntax, op } = draft;
  const { registry, findings } = context;
  if (!syntax.op.text.startsWith(dialect)) {
    reportDialect(syntax.op, context);
    return undefined;
  }
  if (op.text === "layers") return resolveLayers(draft, context);
  const record = registry.get(op.text);
  if (record === undefined) {
    findings.report("ir/unknown-op", op.span, `no op \`${op.text}\` is known`, {
      hint: () => didYouMean(op.text, [...registry.ops.keys(), "layers"]),
    });
    return undefined;
  }
  if (record.name === "param") {
    const hint = (): string => "use the function's parameter itself";
    findings.report("ir/misplaced-param", op.span, "a module's text has no `param` operation", { hint });
    return undefined;
  }
  return resolveApplication(record, draft, context);
}

function reportDialect(name: NameSyntax, { registry, findings }: ResolveContext): void {
  const dot = name.text.indexOf(".");
  const found = dot === -1 ? "no dialect" : `the dialect \`${name.text.slice(0, dot)}\``;
  const op = name.text.slice(dot + 1);
  findings.report("ir/unknown-dialect", name.span, `\`${name.text}\` has ${found}; ops are of the dialect \`llm\``, {
    hint: () => (registry.ops.has(op) ? `write \`"${dialect}${op}"\`` : undefined),
  });
}

function resolveApplication(record: OpRecord, draft: Draft, context: ResolveContext): Finish | undefined {
  const { findings } = context;
  const before = findings.count;
  const attrs = resolveAttrs(draft.op, record.attrs, draft.syntax.attrs, findings);
  checkOperandCount(record, draft, findings);
  checkResultCount(draft, 1, findings);
  if (attrs === undefined || findings.count !== before) return undefined;
  checkResultType(record, attrs, draft, findings);
  return (operands, results) => {
    const [result] = results;
    return result === undefined ? undefined : { kind: "op", op: record.name, operands, attrs, results: [result] };
  };
}

function checkOperandCount(record: OpRecord, { syntax, op }: Draft, findings: Findings): void {
  const problem = operandCountProblem(record, syntax.operands.length);
  if (problem === undefined) return;
  const hint = (): string | undefined =>
    record.operands.length === 0 ? undefined : `its operands are ${record.operands.join(", ")}`;
  findings.report("ir/operand-count", op.span, problem, { hint });
}

function checkResultType(record: OpRecord, attrs: Attrs, draft: Draft, findings: Findings): void {
  const types = complete(draft.operandTypes);
  const [declared] = draft.declared;
  if (types === undefined || declared === undefined) return;
  const inferred = tryInfer(record, types, attrs, hasTrait(record, "typed") ? declared : undefined);
  if (typeof inferred === "string") {
    findings.report("ir/ill-typed", draft.op.span, inferred);
  } else if (!sameType(inferred, declared)) {
    const sentence = `the result of \`${record.name}\` is \`${printType(inferred)}\`, not \`${printType(declared)}\``;
    findings.report("ir/result-type", draft.syntax.resultTypes.span, sentence);
  }
}
