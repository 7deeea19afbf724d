/**
 * Fusions: rules about the loop kernels of any op. `fusion name { elementwise into matmul }` says that a
 * kernel may compute an operand where it reads it, instead of reading what another kernel has stored.
 */

import { didYouMean, locate } from "../diagnostics/index.js";
import type { OpRecord, Registry, Trait } from "../ir/index.js";
import { hasTrait } from "../ir/index.js";
import type { Findings } from "./findings.js";
import type { CompiledFusion, RuleFamily } from "./rule.js";
import type { FusionSyntax, NameSyntax } from "./syntax.js";

/** Words that stand for many ops. */
const traits = ["elementwise", "rowwise", "view"] as const satisfies readonly Trait[];
const ANY = "any";

/** A fusion, or none after an error, which is among the findings. */
export function compileFusion(
  ast: FusionSyntax,
  family: Pick<RuleFamily, "name">,
  { registry, findings }: { readonly registry: Registry; readonly findings: Findings },
): readonly CompiledFusion[] {
  const names = [...ast.producers, ...ast.readers];
  const faulty = names.filter((name) => !isKnown(name, registry, findings));
  if (faulty.length > 0) return [];
  const { source } = findings;
  return [
    {
      name: ast.name.text,
      family: family.name,
      doc: ast.doc,
      file: source.name,
      line: locate(source.text, ast.name.span.start).line,
      place: { source, span: ast.span },
      produces: memberTest(ast.producers),
      reads: memberTest(ast.readers),
    },
  ];
}

/** An op that can be fused has a loop form: the others are no kernels of their own. */
function isKnown({ text, span }: NameSyntax, registry: Registry, findings: Findings): boolean {
  const words: readonly string[] = [ANY, ...traits];
  if (words.includes(text) || registry.get(text)?.lower !== undefined) return true;
  const fusible = [...registry.ops.values()].filter(({ lower }) => lower !== undefined);
  const known = [...words, ...fusible.map(({ name }) => name)];
  const hint = didYouMean(text, known) ?? `write an op, or one of ${words.join(", ")}`;
  findings.report("rule/unknown-op", span, `no op with a loop form is called \`${text}\``, { hint });
  return false;
}

function memberTest(names: readonly NameSyntax[]): (record: OpRecord) => boolean {
  const words = new Set(names.map(({ text }) => text));
  const isNamed = (record: OpRecord): boolean =>
    words.has(record.name) || traits.some((trait) => words.has(trait) && hasTrait(record, trait));
  return (record) => words.has(ANY) || isNamed(record);
}
