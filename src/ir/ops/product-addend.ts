/** What ops that add `addend`, their third operand, to a product have in common, whatever is multiplied. */

import type { Statement } from "../loop-form.js";
import { local, store } from "../loop-form.js";
import type { LoweringInput, Work } from "../op.js";
import type { ValueType } from "../types.js";
import { elementCount } from "../types.js";
import type { TensorValue, Value } from "../values.js";
import { add, indicesOf, loadFloat, overElements, resultOf, tensorOf } from "./loop-parts.js";
import { productWork } from "./products.js";
import { mapBinary, tensorAt } from "./tensor-access.js";

export function plusAddend(operands: readonly Value[], product: TensorValue, result: ValueType): TensorValue {
  return mapBinary([tensorAt(operands, 2), product], result, (a, b) => a + b);
}

export function productAddWork(operands: readonly ValueType[], result: ValueType): Work {
  const { flops } = productWork(operands, result);
  return { flops: flops + elementCount(tensorOf(result).shape) };
}

/** `sum` leaves an element's product in the local `sum`. */
export function lowerProductAdd(
  input: Pick<LoweringInput<unknown>, "result">,
  sum: readonly Statement[],
): readonly Statement[] {
  const { shape } = resultOf(input);
  const indices = indicesOf(shape);
  return overElements(shape, [
    ...sum,
    store("result", indices, add(loadFloat("addend", ...indices), local("sum"))),
  ]);
}
