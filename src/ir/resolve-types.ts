/** Turns the syntax of a type into a type, or into one sentence that says what is wrong with it. */

import { didYouMean } from "../diagnostics/index.js";
import { counted } from "./counted.js";
import { isDimName } from "./names.js";
import type { TypeSyntax } from "./syntax.js";
import type { CacheDType, CodeBits, Dim, DType, FloatDType, KvCacheType, PackedType, QuantizedType, TensorType, ValueType } from "./types.js";
import { dtypes, printDtype } from "./types.js";

export interface BadType {
  readonly kind: "bad";
  readonly message: string;
  readonly hint?: string;
}

export function resolveType(syntax: TypeSyntax): ValueType | BadType {
  switch (syntax.kind) {
    case "tensor":
      return resolveTensor(syntax);
    case "dialect":
      return resolveDialectType(syntax.name, syntax.body);
    case "scalar":
      return bad(`\`${syntax.name}\` is no type of a value`, scalarHint(syntax.name));
  }
}

/** The dtype that a bare word names, in MLIR's spelling. */
export function resolveDtype(name: string): DType | undefined {
  return dtypes.find((each) => printDtype(each) === name);
}

function bad(message: string, hint?: string): BadType {
  return { kind: "bad", message, ...(hint === undefined ? {} : { hint }) };
}

function scalarHint(name: string): string | undefined {
  return resolveDtype(name) === undefined ? undefined : `a scalar is \`tensor<${name}>\``;
}

// ---- Tensors -------------------------------------------------------------------------------------------

type TensorSyntax = Extract<TypeSyntax, { kind: "tensor" }>;

function resolveTensor({ shape, element, encoding }: TensorSyntax): TensorType | BadType {
  const dtype = resolveDtype(element);
  if (dtype === undefined) return bad(`\`${element}\` is no element type`, elementHint(element));
  const named = nameExtents(shape, encoding);
  if ("kind" in named) return named;
  const fixed = shape.filter((each) => each !== null);
  if (!isCountable(fixed)) return bad("the tensor has more elements than can be counted");
  return { kind: "tensor", dtype, shape: named };
}

function elementHint(element: string): string | undefined {
  const known = dtypes.find((each) => each === element);
  return known === undefined ? didYouMean(element, dtypes.map(printDtype)) : `MLIR writes \`${printDtype(known)}\``;
}

/** Each `?` takes its name from the encoding: `tensor<?x64xf32, "T">`. */
function nameExtents(shape: readonly (number | null)[], encoding: string | null): readonly Dim[] | BadType {
  const names = encoding === null ? [] : encoding.split(",");
  const wanted = shape.filter((each) => each === null).length;
  if (names.length !== wanted) {
    const message = `the tensor has ${counted(wanted, "dynamic dimension")} and ${counted(names.length, "name")} for them`;
    return bad(message, "each `?` is named in order: `tensor<?x?xi32, \"S,B\">`");
  }
  const wrong = names.find((each) => !isDimName(each));
  if (wrong !== undefined) return bad(`\`${wrong}\` is no name for a dimension`, "a name is an identifier, such as `T`");
  const rest = [...names];
  return shape.map((each) => each ?? rest.shift() ?? "");
}

/** Extents whose product is an exact number. */
function isCountable(extents: readonly number[]): boolean {
  if (!extents.every(Number.isSafeInteger)) return false;
  return extents.includes(0) || Number.isSafeInteger(extents.reduce((product, each) => product * each, 1));
}

// ---- Types of the dialect ------------------------------------------------------------------------------

interface DialectTypeForm {
  readonly pattern: RegExp;
  readonly example: string;
  readonly read: (groups: Readonly<Record<string, string>>) => ValueType | BadType;
}

const dialectTypes: Readonly<Record<string, DialectTypeForm>> = {
  "llm.paged_kv_cache": {
    pattern: /^(?<extents>\d+x\d+x\d+x\d+)x(?<dtype>b?f16|f32|i8)$/,
    example: "!llm.paged_kv_cache<5x16x4x8xf32>",
    read: readCache,
  },
  "llm.quantized_tensor": {
    pattern: new RegExp(
      String.raw`^(?<extents>\d+x\d+)xi(?<bits>[4568]), *group *= *(?<group>\d+), *scale *= *(?<dtype>b?f16|f32)` +
        String.raw`(?:, *super *= *(?<super>\d+))?(?<minimums>, *minimums)?$`,
    ),
    example: "!llm.quantized_tensor<64x64xi4, group = 32, scale = f16>",
    read: readQuantized,
  },
  "llm.packed_tensor": {
    pattern: /^"(?<format>[A-Za-z0-9_.:-]+)", *(?<extents>\d*(?:x\d+)*), *(?<bytes>\d+)$/,
    example: '!llm.packed_tensor<"c.rows16", 64x64, 8192>',
    read: readPacked,
  },
};

function resolveDialectType(name: string, body: string): ValueType | BadType {
  const form = Object.hasOwn(dialectTypes, name) ? dialectTypes[name] : undefined;
  if (form === undefined) return bad(`\`!${name}\` is no type`, didYouMean(name, Object.keys(dialectTypes)));
  const groups = form.pattern.exec(body.trim())?.groups;
  const example = `for example \`${form.example}\``;
  if (groups === undefined) return bad(`the parts of \`!${name}\` do not have its form`, example);
  return form.read(groups);
}

function readCache({ extents = "", dtype }: Readonly<Record<string, string>>): KvCacheType | BadType {
  const [layers = 0, blockSize = 0, heads = 0, headDim = 0] = numbers(extents);
  const product = [layers, blockSize, heads, headDim];
  if (product.includes(0)) return bad("layers, block size, heads and head dimension are at least 1");
  if (!isCountable(product)) return bad("a block of the cache has more elements than can be counted");
  return { kind: "kv_cache", layers, blockSize, heads, headDim, dtype: dtype as CacheDType };
}

function readQuantized(groups: Readonly<Record<string, string>>): QuantizedType | BadType {
  const [rows = 0, columns = 0] = numbers(groups["extents"] ?? "");
  const group = Number(groups["group"]);
  if (!isCountable([rows, columns])) return bad("the matrix has more elements than can be counted");
  if (group === 0 || rows % group !== 0) return bad(`groups of ${group} rows do not divide ${rows} rows`);
  const superGroup = Number(groups["super"] ?? group);
  if (superGroup === 0 || superGroup % group !== 0 || rows % superGroup !== 0) {
    return bad(`super-groups of ${superGroup} rows are not whole groups of ${group} that divide ${rows} rows`);
  }
  return {
    kind: "quantized",
    shape: [rows, columns],
    bits: Number(groups["bits"]) as CodeBits,
    group,
    scaleDtype: groups["dtype"] as FloatDType,
    ...(groups["super"] === undefined ? {} : { superGroup }),
    ...(groups["minimums"] === undefined ? {} : { minimums: true }),
  };
}

function readPacked(groups: Readonly<Record<string, string>>): PackedType | BadType {
  const shape = numbers(groups["extents"] ?? "");
  const sizeBytes = Number(groups["bytes"]);
  if (!isCountable(shape) || !Number.isSafeInteger(sizeBytes)) return bad("the constant is larger than can be counted");
  return { kind: "packed", format: groups["format"] ?? "", shape, sizeBytes };
}

function numbers(extents: string): number[] {
  return extents === "" ? [] : extents.split("x").map(Number);
}
