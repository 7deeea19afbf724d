// One-line proofs: a start term, rule families, a goal term. The goal is proved when saturation puts both
// into one class. Terms are written in the rule language; variables are leaves of declared types.

import { existsSync, readFileSync } from "node:fs";

import { cBackend } from "../../backends/c/index.js";
import { renderDiagnostics } from "../../src/diagnostics/index.js";
import type { EClassId } from "../../src/egraph-ts/index.js";
import { EGraph, saturate } from "../../src/egraph-ts/index.js";
import type { AttrValue, Dim, DType, KvCacheType, ValueType } from "../../src/ir/index.js";
import { coreRegistry, tensor } from "../../src/ir/index.js";
import type { ApplicationSyntax, ExpressionSyntax, Facts, TermSyntax } from "../../src/rules/index.js";
import { llmAnalysis, loadRuleFile, parseRuleFile, payloadKey } from "../../src/rules/index.js";

const registry = coreRegistry.extend(cBackend.kernels);

/** The cache type that `cache` stands for in a declaration. */
export const proofCache: KvCacheType = {
  kind: "kv_cache",
  layers: 2,
  blockSize: 4,
  heads: 2,
  headDim: 4,
  dtype: "f32",
};

export interface Proof {
  /** Families by file, `norms` or `lower/c`. */
  readonly with: readonly string[];
  /** `x: f32[T,8]`, `w: const f32[8,4]`, `cache: cache`. */
  readonly where: readonly string[];
  readonly start: string;
  readonly goal: string;
  readonly settings?: Readonly<Record<string, string>>;
}

/** Whether the families rewrite the start into the goal. */
export function isProved(proof: Proof): boolean {
  const graph = new EGraph<Facts>({ analysis: llmAnalysis(registry) });
  const variables = new Map(proof.where.map((text) => declare(graph, text)));
  const start = instantiate(graph, parseTerm(proof.start), variables);
  graph.rebuild();
  const rules = proof.with.flatMap((family) => rulesOf(family, proof.settings ?? {}));
  const report = saturate(graph, rules, { limits: { iterations: 12, nodes: 20_000 } });
  if (report.stop !== "saturated") throw new Error(`the proof stopped at its limit: ${report.stop}`);
  const goal = instantiate(graph, parseTerm(proof.goal), variables);
  graph.rebuild();
  return graph.find(start) === graph.find(goal);
}

function rulesOf(family: string, settings: Readonly<Record<string, string>>) {
  const path = `rules/${family}.rules`;
  if (!existsSync(path)) throw new Error(`there is no ${path}`);
  const loaded = loadRuleFile(
    { name: `${family}.rules`, text: readFileSync(path, "utf8") },
    registry,
    settings,
  );
  if (!loaded.ok) throw new Error(renderDiagnostics(loaded.diagnostics));
  return loaded.value.rules.flatMap((rule) => rule.engineRules);
}

function declare(graph: EGraph<Facts>, text: string): readonly [string, EClassId] {
  const [, name, constant, type] = /^(\w+): (const )?(.+)$/.exec(text) ?? [];
  if (name === undefined || type === undefined) throw new Error(`not a declaration: ${text}`);
  const payload = { attrs: { name }, type: parseType(type) };
  const label = graph.label(constant === undefined ? "param" : "weight", payload, payloadKey(payload));
  return [name, graph.add(label, [])];
}

function parseType(text: string): ValueType {
  if (text === "cache") return proofCache;
  const [, dtype, extents] = /^(\w+)\[(.*)\]$/.exec(text) ?? [];
  if (dtype === undefined || extents === undefined) throw new Error(`not a type: ${text}`);
  const shape: Dim[] =
    extents === "" ? [] : extents.split(",").map((each) => (/^\d+$/.test(each) ? Number(each) : each));
  return tensor(dtype as DType, ...shape);
}

/** Parses a term by making it the left side of a rule. */
function parseTerm(term: string): TermSyntax {
  const text = `rules proof simplify\nexact rule term { ${term} => ?none }\n`;
  const parsed = parseRuleFile({ name: "proof", text });
  if (!parsed.ok) throw new Error(renderDiagnostics(parsed.diagnostics));
  const rule = parsed.value.items.find((item) => item.kind === "rule");
  const left = rule?.kind === "rule" ? rule.premises[0]?.term : undefined;
  if (left === undefined) throw new Error(`not a term: ${term}`);
  return left;
}

type Variables = ReadonlyMap<string, EClassId>;

function instantiate(graph: EGraph<Facts>, term: TermSyntax, variables: Variables): EClassId {
  if (term.kind === "wildcard") throw new Error("a proof has no wildcards");
  if (term.kind === "variable") {
    const cls = variables.get(term.name);
    if (cls === undefined) throw new Error(`?${term.name} is not declared`);
    return cls;
  }
  const operands = term.args.flatMap((each) =>
    each.kind === "operand" ? [instantiate(graph, each.term, variables)] : [],
  );
  const attrs: Record<string, AttrValue> = {};
  for (const each of term.args) {
    if (each.kind === "attribute") attrs[each.name.text] = valueOf(each.value);
  }
  const type = writtenType(graph, term, variables);
  const payload = type === undefined ? { attrs } : { attrs, type };
  return graph.add(graph.label(term.op.text, payload, payloadKey(payload)), operands);
}

function writtenType(
  graph: EGraph<Facts>,
  term: ApplicationSyntax,
  variables: Variables,
): ValueType | undefined {
  const like = term.type?.args[0];
  if (like === undefined) return term.op.text === "constant" ? tensor("f32") : undefined;
  if (like.kind !== "variable") throw new Error("a written type is `type(?x)`");
  return graph.data(instantiate(graph, like, variables)).type;
}

function valueOf(value: ExpressionSyntax): AttrValue {
  switch (value.kind) {
    case "number":
      return value.value;
    case "string":
      return value.value;
    case "word":
      if (value.text === "inf") return Infinity;
      return value.text === "true" ? true : value.text === "false" ? false : value.text;
    case "negate":
      return -Number(valueOf(value.operand));
    case "list":
      return value.items.map((item) => valueOf(item) as number);
    default:
      throw new Error(`a proof's attributes are literals, found ${value.kind}`);
  }
}
