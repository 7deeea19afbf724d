/** Reading the types that inference has checked. */

import { invariant } from "../../base/index.js";
import type { Dim, KvCacheType, TensorType, ValueType } from "../../ir/index.js";

export function tensorOf(type: ValueType | undefined): TensorType {
  invariant(type?.kind === "tensor", "type inference has made sure of a tensor");
  return type;
}

export function cacheOf(type: ValueType | undefined): KvCacheType {
  invariant(type?.kind === "kv_cache", "type inference has made sure of a cache");
  return type;
}

export function firstDim(type: ValueType | undefined): Dim {
  return tensorOf(type).shape[0] ?? 1;
}

/** Elements of one row of a tensor whose first dimension counts rows. */
export function widthOf(type: ValueType | undefined): number {
  return tensorOf(type)
    .shape.slice(1)
    .reduce<number>((count, dim) => count * Number(dim), 1);
}
