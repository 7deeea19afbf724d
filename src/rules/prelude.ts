/**
 * The functions that guards and attributes may call: pure, total, typed. This table is all the power a rule
 * file has; `docs/languages/rules.md` is generated from it.
 */

import type { Dim, KvCacheType, ValueType } from "../ir/index.js";
import { codeOffset, dtypes, elementCount, isFloat, sameType } from "../ir/index.js";
import type { ExpressionValue, Kind, Operand } from "./expression-values.js";
import { fromDim, isList, isOperand } from "./expression-values.js";
import type { Settings } from "./rule.js";

export interface PreludeFunction {
  readonly name: string;
  readonly doc: string;
  readonly parameters: readonly Kind[];
  /** Any number of further arguments of this kind. */
  readonly rest?: Kind;
  readonly result: Kind;
  /** Arguments are of the parameters' kinds. Undefined when the answer is not known. */
  readonly evaluate: (args: readonly ExpressionValue[], settings: Settings) => ExpressionValue | undefined;
}

/** Levels of the compile option `quantize`: each permits itself and those before it. */
export const quantizationLevels = ["none", "q8", "q4"] as const;

/** Compile options under which every approximate rule may fire: for checks and tests of rules. */
export const permissiveSettings: Settings = { quantize: "q4", activations: "rounded" };

const functions: readonly PreludeFunction[] = [
  aboutOperand("constant", "bool", "depends on weights alone", (x) => x.constant),
  {
    name: "distinct",
    doc: "no two of them are the same value",
    parameters: ["operand", "operand"],
    rest: "operand",
    result: "bool",
    evaluate: (args) => {
      const identities = new Set(args.map((each) => (isOperand(each) ? each.identity : undefined)));
      return identities.size === args.length;
    },
  },
  {
    name: "same_type",
    doc: "both have the same type",
    parameters: ["operand", "operand"],
    result: "bool",
    evaluate: ([a, b]) => sameType(typeOf(a), typeOf(b)),
  },
  aboutType("rank", "number", "the number of axes", (type) => shapeOf(type)?.length),
  {
    name: "dim",
    doc: "the extent of an axis; `-1` is the last one",
    parameters: ["operand", "number"],
    result: "dim",
    evaluate: ([x, axis]) => extent(typeOf(x), Number(axis)),
  },
  aboutType("rows", "dim", "`dim(?w, 0)`", (type) => extent(type, 0)),
  aboutType("cols", "dim", "`dim(?w, 1)`", (type) => extent(type, 1)),
  aboutType("shape", "list", "all extents", (type) => shapeOf(type)),
  aboutType("elements", "number", "the product of the extents; not known if one is symbolic", elementsOf),
  aboutType("dtype", "dtype", "of a tensor's or a cache's elements", (type) => ("dtype" in type ? type.dtype : undefined)),
  aboutType("kind", "string", "`\"tensor\"`, `\"quantized\"`, `\"packed\"` or `\"kv_cache\"`", (type) => type.kind),
  aboutType("format", "string", "the layout of a packed constant", (type) => type.kind === "packed" ? type.format : undefined),
  aboutType("bits", "number", "of a quantized matrix's codes", (type) => type.kind === "quantized" ? type.bits : undefined),
  aboutType("group", "number", "rows that share a scale in a quantized matrix", (type) =>
    type.kind === "quantized" ? type.group : undefined,
  ),
  aboutType("offset", "number", "what unsigned codes of a quantized matrix are greater by", (type) =>
    type.kind === "quantized" ? codeOffset(type) : undefined,
  ),
  aboutCache("layers", "layers of a cache", (type) => type.layers),
  aboutCache("block_size", "token slots in a block of a cache", (type) => type.blockSize),
  aboutCache("heads", "KV heads of a cache", (type) => type.heads),
  aboutCache("head_dim", "the length of a head in a cache", (type) => type.headDim),
  aboutType("type", "type", "the type itself", (type) => type),
  {
    name: "tensor",
    doc: "a tensor type, from a dtype and extents",
    parameters: ["dtype", "list"],
    result: "type",
    evaluate: ([name, shape]) => {
      const dtype = dtypes.find((each) => each === name);
      return dtype === undefined || shape === undefined || !isList(shape) ? undefined : { kind: "tensor", dtype, shape };
    },
  },
  {
    name: "is_float",
    doc: "f32, f16 or bf16",
    parameters: ["dtype"],
    result: "bool",
    evaluate: ([name]) => dtypes.some((each) => each === name && isFloat(each)),
  },
  {
    name: "is_power_of_two",
    doc: "1, 2, 4 … or ½, ¼ …: a factor that rounds nothing",
    parameters: ["number"],
    result: "bool",
    evaluate: ([n]) => isPowerOfTwo(Number(n)),
  },
  numeric("sqrt", ["number"], "the square root, in binary64", (x) => Math.sqrt(x)),
  numeric("abs", ["number"], "the absolute value", (x) => Math.abs(x)),
  numeric("min", ["number", "number"], "the smaller one", (a, b) => Math.min(a, b)),
  numeric("max", ["number", "number"], "the larger one", (a, b) => Math.max(a, b)),
  {
    name: "length",
    doc: "the number of elements of a list",
    parameters: ["list"],
    result: "number",
    evaluate: ([list]) => asList(list).length,
  },
  {
    name: "element",
    doc: "an element of a list, from 0",
    parameters: ["list", "number"],
    result: "dim",
    evaluate: ([list, index]) => {
      const dim = asList(list)[Number(index)];
      return dim === undefined ? undefined : fromDim(dim);
    },
  },
  {
    name: "compose",
    doc: "the permutation that does the first, then the second: `[?p[?q[0]], ?p[?q[1]], …]`",
    parameters: ["list", "list"],
    result: "list",
    evaluate: ([first, second]) => compose(asList(first), asList(second)),
  },
  {
    name: "option",
    doc: "a compile option by its name; not known when it is not given",
    parameters: ["string"],
    result: "string",
    evaluate: ([name], settings) => (typeof name === "string" ? settings[name] : undefined),
  },
  {
    name: "quantization",
    doc: "the compile option `quantize` permits this level: `q8` permits q8, `q4` permits q8 and q4",
    parameters: ["string"],
    result: "bool",
    evaluate: ([level], settings) => permits(settings.quantize ?? "none", level),
  },
];

export const prelude: ReadonlyMap<string, PreludeFunction> = new Map(
  functions.map((each) => [each.name, each]),
);

/** Names whose answer depends on compile options: a rule is checked as if such a guard held. */
export const settingFunctions: ReadonlySet<string> = new Set(["option", "quantization"]);

function aboutOperand(
  name: string,
  result: Kind,
  doc: string,
  answer: (x: Operand) => ExpressionValue | undefined,
): PreludeFunction {
  return {
    name,
    doc,
    parameters: ["operand"],
    result,
    evaluate: ([x]) => (x !== undefined && isOperand(x) ? answer(x) : undefined),
  };
}

function aboutType(
  name: string,
  result: Kind,
  doc: string,
  answer: (type: ValueType) => ExpressionValue | undefined,
): PreludeFunction {
  return aboutOperand(name, result, doc, (x) => answer(x.type));
}

function aboutCache(name: string, doc: string, answer: (type: KvCacheType) => number): PreludeFunction {
  return aboutType(name, "number", doc, (type) => (type.kind === "kv_cache" ? answer(type) : undefined));
}

function numeric(
  name: string,
  parameters: readonly Kind[],
  doc: string,
  answer: (...args: number[]) => number,
): PreludeFunction {
  return { name, doc, parameters, result: "number", evaluate: (args) => answer(...args.map(Number)) };
}

function typeOf(value: ExpressionValue | undefined): ValueType {
  if (value === undefined || !isOperand(value)) throw new TypeError("an operand was expected");
  return value.type;
}

function asList(value: ExpressionValue | undefined): readonly Dim[] {
  return value !== undefined && isList(value) ? value : [];
}

function shapeOf(type: ValueType): readonly Dim[] | undefined {
  return type.kind === "kv_cache" ? undefined : type.shape;
}

function extent(type: ValueType, axis: number): ExpressionValue | undefined {
  const shape = shapeOf(type);
  const dim = shape?.[axis < 0 ? axis + shape.length : axis];
  return dim === undefined ? undefined : fromDim(dim);
}

function elementsOf(type: ValueType): number | undefined {
  const shape = shapeOf(type);
  return shape?.every((each) => typeof each === "number") ? elementCount(shape) : undefined;
}

function isPowerOfTwo(n: number): boolean {
  return n > 0 && Number.isFinite(n) && Number.isInteger(Math.log2(n)) && 2 ** Math.log2(n) === n;
}

function compose(first: readonly Dim[], second: readonly Dim[]): readonly Dim[] | undefined {
  if (first.length !== second.length) return undefined;
  const composed = second.map((each) => first[Number(each)]);
  return composed.every((each) => each !== undefined) ? composed : undefined;
}

function permits(given: string, wanted: ExpressionValue | undefined): boolean {
  const levels: readonly string[] = quantizationLevels;
  if (typeof wanted !== "string" || wanted === "none" || !levels.includes(wanted)) return false;
  return levels.indexOf(given) >= levels.indexOf(wanted);
}
