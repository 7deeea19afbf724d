/** Resolves a `layers` operation, which runs another function once for each layer. */

import { invariant } from "../base/index.js";
import { didYouMean } from "../diagnostics/index.js";
import type { Attrs, AttrSpec } from "./attrs.js";
import type { Findings } from "./findings.js";
import type { LayersOperation } from "./graph.js";
import type { Signature } from "./layers.js";
import { layersProblems, splitCarried } from "./layers.js";
import { resolveAttrs } from "./resolve-attrs.js";
import type { Draft, Finish, MaybeType, ResolveContext } from "./resolve-context.js";
import { checkResultCount } from "./resolve-values.js";
import type { NameSyntax } from "./syntax.js";
import { printType, sameType } from "./types.js";

const layersNumbers = { carried: "int", count: "int", first: "int" } as const satisfies AttrSpec;

export function resolveLayers(draft: Draft, context: ResolveContext): Finish | undefined {
  const { syntax, op } = draft;
  const { findings } = context;
  const numbers = syntax.attrs.filter((each) => each.name.text !== "body");
  const attrs = resolveAttrs(op, layersNumbers, numbers, findings);
  const body = resolveBody(draft, context);
  if (attrs === undefined || body === undefined) return undefined;
  const range = { first: numberOf(attrs, "first"), count: numberOf(attrs, "count") };
  const carried = numberOf(attrs, "carried");
  if (!checkCarried(draft, carried, findings)) return undefined;
  checkResultCount(draft, carried, findings);
  const types = splitCarried(draft.operandTypes, carried);
  for (const problem of layersProblems({ body, ...range, ...types })) {
    findings.report("ir/layers-signature", op.span, problem);
  }
  checkCarriedTypes(draft, types.carried, findings);
  return (operands, results): LayersOperation => {
    return { kind: "layers", body: body.name, ...range, ...splitCarried(operands, carried), results };
  };
}

function numberOf(attrs: Attrs, name: keyof typeof layersNumbers): number {
  const value = attrs[name];
  invariant(typeof value === "number", `the attribute ${name} was resolved as a number`);
  return value;
}

/** The function that `body` names. */
function resolveBody(draft: Draft, context: ResolveContext): Signature | undefined {
  const { findings, functions } = context;
  const [given, repeated] = draft.syntax.attrs.filter((each) => each.name.text === "body");
  if (repeated !== undefined) {
    findings.report("ir/repeated-attribute", repeated.name.span, "the attribute `body` is given twice");
  }
  if (given === undefined) {
    findings.report("ir/missing-attribute", draft.op.span, "`layers` needs the attribute `body`", {
      hint: () => "it names the function that is run, such as `@layer`",
    });
    return undefined;
  }
  if (given.value.kind !== "function") {
    const message = "the attribute `body` of `layers` must be a function, such as `@layer`";
    findings.report("ir/attribute-kind", given.value.span, message);
    return undefined;
  }
  const { name } = given.value;
  const body = functions.get(name.text);
  if (body === undefined) reportUnknownFunction(name, context);
  return body;
}

function reportUnknownFunction(name: NameSyntax, context: ResolveContext): void {
  const { findings, functions, laterFunctions } = context;
  const later = laterFunctions.get(name.text);
  if (later === undefined) {
    findings.report("ir/unknown-function", name.span, `the module has no function \`@${name.text}\``, {
      hint: () => didYouMean(name.text, functions.keys())?.replace("`", "`@"),
    });
    return;
  }
  const message = `\`@${name.text}\` is run before it is defined; a body stands above the function that runs it`;
  findings.report("ir/used-before-definition", name.span, message, {
    related: { message: "defined here", span: later.span },
  });
}

function checkCarried({ op, syntax }: Draft, carried: number, findings: Findings): boolean {
  if (carried >= 0 && carried <= syntax.operands.length) return true;
  const message = `${carried} operands cannot be carried: there are ${syntax.operands.length}`;
  findings.report("ir/layers-signature", op.span, message);
  return false;
}

/** What comes out of the layers has the type of what went in. */
function checkCarriedTypes(draft: Draft, carried: readonly MaybeType[], findings: Findings): void {
  const { syntax, declared } = draft;
  carried.forEach((type, i) => {
    const given = declared[i];
    if (type === undefined || given === undefined || sameType(type, given)) return;
    const message = `result ${i} of \`layers\` is \`${printType(type)}\`, as what is carried, not \`${printType(given)}\``;
    findings.report("ir/result-type", syntax.resultTypes.types[i]!.span, message);
  });
}
