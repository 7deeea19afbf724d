/** Accessors of the weights: one function for each packed constant, so that calls name what they read. */

import type { TextWriter } from "../../base/index.js";
import { at } from "../../base/index.js";
import type { ValueType } from "../../ir/index.js";
import type { ProgramPlan, WeightEntry } from "../../plan/index.js";
import { cComment, cIdentifier } from "../c-names.js";
import { cElementType } from "../loops-to-c.js";
import { bytesText, shapeText } from "../type-text.js";
import type { CDialect } from "./dialect.js";

/** The accessor's name; entries of one name are told apart by their number. */
export function weightAccessor({ weights: { entries } }: ProgramPlan, index: number): string {
  const name = cIdentifier(at(entries, index).name);
  const first = entries.findIndex((each) => cIdentifier(each.name) === name);
  return first === index ? `weight_${name}` : `weight_${name}_${index}`;
}

export function printWeights(plan: ProgramPlan, { accessorPrefix }: CDialect, out: TextWriter): void {
  plan.weights.entries.forEach((entry, index) => {
    const { layers } = entry;
    const copies = layers === undefined ? "" : `, layers ${layers.first} to ${layers.first + layers.count - 1}`;
    out.line(`/* ${cComment(`${entry.name} ${shapeText(entry.type)}, ${bytesText(entry.sizeBytes)}${copies}`)} */`);
    printAccessor(entry, `${accessorPrefix} ${pointerType(entry.type)}${weightAccessor(plan, index)}`, out);
  });
}

function printAccessor(entry: WeightEntry, head: string, out: TextWriter): void {
  const { type, scope, layers, offsetBytes, strideBytes } = entry;
  const parameters = scope === "layer" ? "const Step *s, int32_t layer" : "const Step *s";
  const first = layers?.first ?? 0;
  const layer = first === 0 ? "layer" : `(layer - ${first})`;
  const offset = scope === "layer" ? `${offsetBytes} + (size_t)${layer} * ${strideBytes}` : String(offsetBytes);
  out.block(`${head}(${parameters}) {`, () => {
    out.line(`return (${pointerType(type).trim()})(s->weights + ${offset});`);
  });
}

/** Packed constants are the kernel's own business; quantized ones start with their codes. */
function pointerType(type: ValueType): string {
  if (type.kind === "tensor") return `const ${cElementType(type.dtype)} *`;
  return type.kind === "quantized" ? "const int8_t *" : "const void *";
}
