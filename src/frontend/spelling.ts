/**
 * The phrases that architectures are written in: a linear layer as checkpoints store it, a norm, a
 * constant. Activations are f32; a weight in another format is cast where it is read, and that cast is
 * a constant subterm like any other. A matrix of codes is dequantized where it is read.
 */

import type { Attrs, Dim, KvCacheType, ValueId } from "../ir/index.js";
import { coreRegistry, FuncBuilder, tensor } from "../ir/index.js";
import type { ModelConfig } from "./config.js";
import type { WeightTypes } from "./tensor-table.js";
import { weightType } from "./tensor-table.js";

export interface Spelling {
  readonly builder: FuncBuilder;
  op(op: string, operands: readonly ValueId[], attrs?: Attrs, name?: string): ValueId;
  /** A checkpoint's tensor as f32, in the shape that is stored. */
  weight(tensorName: string, name: string): ValueId;
  /** `x` times the transposed weight, which is stored [out, in]. */
  linear(x: ValueId, tensorName: string, name: string): ValueId;
  norm(x: ValueId, tensorName: string, name: string): ValueId;
  constant(value: number, name: string): ValueId;
  reshape(x: ValueId, shape: readonly Dim[], name?: string): ValueId;
  transpose(x: ValueId, permutation: readonly number[], name?: string): ValueId;
  /** Repeats each head of [C, G, D]; nothing for one time. */
  repeatHeads(x: ValueId, times: number): ValueId;
}

export interface SpellingInput {
  readonly config: ModelConfig;
  /** By the names that stand in the graph. */
  readonly types: WeightTypes;
  readonly cache: KvCacheType;
  /** The name that the weights have for a tensor of the architecture. */
  readonly storedName: (tensorName: string) => string;
}

interface ReadWeight {
  readonly value: ValueId;
  /** [in, out], where checkpoints store [out, in]. */
  readonly isTurned: boolean;
}

export function createSpelling({ config, types, storedName }: SpellingInput, functionName: string): Spelling {
  const builder = new FuncBuilder(coreRegistry, functionName);
  const op: Spelling["op"] = (opName, operands, attrs = {}, name = opName) =>
    builder.op(opName, operands, attrs, { name });
  const transpose: Spelling["transpose"] = (x, permutation, name) =>
    op("transpose", [x], { permutation }, name);
  /** In f32; codes are [in, out] and everything else is as stored. */
  const read = (tensorName: string, name: string): ReadWeight => {
    const stored = storedName(tensorName);
    const type = weightType(types, stored);
    const leaf = builder.op("weight", [], { name: stored }, { given: type, name: `${name}_weight` });
    if (type.kind === "quantized") return { value: op("dequantize", [leaf], {}, `${name}_f32`), isTurned: true };
    const isPlain = type.dtype === "f32";
    return { value: isPlain ? leaf : op("cast", [leaf], { dtype: "f32" }, `${name}_f32`), isTurned: false };
  };
  const weight: Spelling["weight"] = (tensorName, name) => {
    const { value, isTurned } = read(tensorName, name);
    return isTurned ? transpose(value, [1, 0]) : value;
  };
  return {
    builder,
    op,
    weight,
    linear: (x, tensorName, name) => {
      const { value, isTurned } = read(tensorName, name);
      return op("matmul", [x, isTurned ? value : transpose(value, [1, 0])], {}, name);
    },
    norm: (x, tensorName, name) =>
      op("rms_norm", [x, weight(tensorName, name)], { epsilon: config.normEpsilon }, name),
    constant: (value, name) => builder.op("constant", [], { value }, { given: tensor("f32"), name }),
    reshape: (x, shape, name) => op("reshape", [x], { shape }, name),
    transpose,
    repeatHeads: (x, times) => (times === 1 ? x : op("repeat_interleave", [x], { axis: 1, times })),
  };
}
