/**
 * The phrases that architectures are written in: a linear layer as checkpoints store it, a norm, a
 * constant. Activations are f32; a weight in another format is cast where it is read, and that cast is
 * a constant subterm like any other.
 */

import type { Attrs, Dim, KvCacheType, ValueId } from "../ir/index.js";
import { coreRegistry, FuncBuilder, tensor } from "../ir/index.js";
import type { ModelConfig } from "./config.js";
import type { WeightTypes } from "./tensor-table.js";
import { weightType } from "./tensor-table.js";

export interface Spelling {
  readonly builder: FuncBuilder;
  op(op: string, operands: readonly ValueId[], attrs?: Attrs, name?: string): ValueId;
  /** A checkpoint's tensor as f32. */
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
  readonly types: WeightTypes;
  readonly cache: KvCacheType;
}

export function createSpelling({ config, types }: SpellingInput, functionName: string): Spelling {
  const builder = new FuncBuilder(coreRegistry, functionName);
  const op: Spelling["op"] = (opName, operands, attrs = {}, name = opName) =>
    builder.op(opName, operands, attrs, { name });
  const weight: Spelling["weight"] = (tensorName, name) => {
    const type = weightType(types, tensorName);
    const stored = builder.op("weight", [], { name: tensorName }, { given: type, name: `${name}_weight` });
    return type.dtype === "f32" ? stored : op("cast", [stored], { dtype: "f32" }, `${name}_f32`);
  };
  const transpose: Spelling["transpose"] = (x, permutation, name) =>
    op("transpose", [x], { permutation }, name);
  return {
    builder,
    op,
    weight,
    linear: (x, tensorName, name) => op("matmul", [x, transpose(weight(tensorName, name), [1, 0])], {}, name),
    norm: (x, tensorName, name) =>
      op("rms_norm", [x, weight(tensorName, name)], { epsilon: config.normEpsilon }, name),
    constant: (value, name) => builder.op("constant", [], { value }, { given: tensor("f32"), name }),
    reshape: (x, shape, name) => op("reshape", [x], { shape }, name),
    transpose,
    repeatHeads: (x, times) => (times === 1 ? x : op("repeat_interleave", [x], { axis: 1, times })),
  };
}
