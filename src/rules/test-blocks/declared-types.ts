/** The types that `given` may state: `f32[T, 8]`, and `kv_cache(layers: 2, block_size: 4, …)`. */

import { didYouMean } from "../../diagnostics/index.js";
import type { DType, KvCacheType, ValueType } from "../../ir/index.js";
import { cacheDtypes, dtypes, tensor } from "../../ir/index.js";
import type { Findings } from "../findings.js";
import type { ApplicationSyntax, DeclaredTypeSyntax, ExpressionSyntax, NameSyntax } from "../syntax.js";

/** Undefined after a mistake, which has been reported. */
export function declaredType(type: DeclaredTypeSyntax, findings: Findings): ValueType | undefined {
  return type.kind === "tensor" ? tensorType(type, findings) : cacheType(type.term, findings);
}

function tensorType(
  { dtype, shape }: Extract<DeclaredTypeSyntax, { kind: "tensor" }>,
  findings: Findings,
): ValueType | undefined {
  const found = readDtype(dtype, findings);
  for (const { value, span } of shape) {
    if (typeof value === "string" || (Number.isSafeInteger(value) && value > 0)) continue;
    findings.report("rule/declaration", span, "an extent is a whole number from 1, or a name such as `T`");
  }
  return found && tensor(found, ...shape.map(({ value }) => value));
}

function readDtype({ text, span }: NameSyntax, findings: Findings): DType | undefined {
  const found = dtypes.find((each) => each === text);
  if (found === undefined) {
    const hint = didYouMean(text, dtypes) ?? `dtypes are ${dtypes.join(", ")}`;
    findings.report("rule/declaration", span, `\`${text}\` is not a dtype`, { hint });
  }
  return found;
}

const cacheFields = ["layers", "block_size", "heads", "head_dim", "dtype"] as const;
const cacheHint = "write `f32[T, 8]`, or `kv_cache(layers: 2, block_size: 4, heads: 2, head_dim: 4, dtype: f32)`";

function cacheType({ op, args, span }: ApplicationSyntax, findings: Findings): KvCacheType | undefined {
  const fields = new Map<string, ExpressionSyntax>();
  for (const arg of args) if (arg.kind === "attribute") fields.set(arg.name.text, arg.value);
  const complete = fields.size === args.length && cacheFields.every((name) => fields.has(name));
  if (op.text !== "kv_cache" || !complete || fields.size !== cacheFields.length) {
    findings.report("rule/declaration", span, "this is not a type", { hint: cacheHint });
    return undefined;
  }
  const counts = cacheFields.slice(0, 4).flatMap((name) => countOf(fields.get(name)) ?? []);
  const [layers = 0, blockSize = 0, heads = 0, headDim = 0] = counts;
  const word = fields.get("dtype");
  const dtype = word?.kind === "word" ? cacheDtypes.find((each) => each === word.text) : undefined;
  if (counts.length < 4 || dtype === undefined) {
    findings.report("rule/declaration", span, "these are no sizes of a cache", { hint: cacheHint });
    return undefined;
  }
  return { kind: "kv_cache", layers, blockSize, heads, headDim, dtype };
}

function countOf(value: ExpressionSyntax | undefined): number | undefined {
  return value?.kind === "number" && Number.isSafeInteger(value.value) && value.value > 0 ? value.value : undefined;
}
