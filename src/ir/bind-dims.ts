/** Values of symbolic dimensions, read off the arguments of a function; disagreement is a `RangeError`. */

import { at } from "../base/index.js";
import type { Func } from "./graph.js";
import { valueInfo } from "./graph.js";
import type { Dim } from "./types.js";
import { printType, sameType } from "./types.js";
import type { Value } from "./values.js";

export function bindDims(func: Func, args: readonly Value[]): Record<string, number> {
  const dims: Record<string, number> = {};
  func.params.forEach((param, i) => {
    const { name, type } = valueInfo(func, param);
    const value = at(args, i);
    if (type.kind === "tensor" && value.kind === "tensor") {
      if (type.dtype !== value.dtype)
        throw new RangeError(`\`${name}\` is ${type.dtype}, but ${value.dtype} was given`);
      bindShape(name, type.shape, value.shape, dims);
    } else if (type.kind === "tensor" || value.kind === "tensor" || !sameType(type, value.type)) {
      const found = value.kind === "tensor" ? "a tensor" : printType(value.type);
      throw new RangeError(`\`${name}\` is ${printType(type)}, but ${found} was given`);
    }
    if (value.kind === "kv_cache") dims["P"] = value.blocks;
  });
  return dims;
}

function bindShape(
  name: string,
  shape: readonly Dim[],
  extents: readonly number[],
  dims: Record<string, number>,
): void {
  if (shape.length !== extents.length) {
    throw new RangeError(`\`${name}\` has ${shape.length} dimensions, but ${extents.length} were given`);
  }
  shape.forEach((dim, axis) => {
    const extent = at(extents, axis);
    const known = typeof dim === "number" ? dim : (dims[dim] ??= extent);
    if (known !== extent)
      throw new RangeError(`dimension ${axis} of \`${name}\` is ${dim} = ${known}, but ${extent} was given`);
  });
}
