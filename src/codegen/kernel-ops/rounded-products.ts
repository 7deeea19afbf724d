/**
 * Products under a target's names whose rows of activations are rounded first, as `narrow_matmul` and
 * `integer_matmul` round them: the plain product (`products.ts`) of rounded rows.
 */

import { invariant } from "../../base/index.js";
import type { OpRecord, ValueType } from "../../ir/index.js";
import { elementCount, typeBytes } from "../../ir/index.js";
import { illTyped, meaning, requirePacked } from "./checks.js";
import type { WeightLayout } from "./products.js";
import type { WeightFormat } from "./weight-formats.js";

/** Rows are rounded to bfloat16; the weights are of that format. */
export function narrowKernel(plain: OpRecord, layout: WeightLayout): OpRecord {
  return {
    ...plain,
    name: prefixed(plain, "narrow"),
    doc: `${plain.doc} Rows are rounded to bfloat16 first.`,
    infer: (types, attrs) => {
      if (!isNarrow(formatOf(plain, layout, types))) illTyped("narrow products take bfloat16 weights");
      return plain.infer(types, attrs);
    },
    evaluate: ([x, ...others], attrs, result) => {
      invariant(x !== undefined, "rows are multiplied");
      const narrow = meaning("cast", [meaning("cast", [x], { dtype: "bf16" })], { dtype: "f32" });
      return plain.evaluate([narrow, ...others], attrs, result);
    },
    samples: plain.samples.filter(({ operands }) => isNarrow(formatOf(plain, layout, operands))),
  };
}

export interface RoundedProduct {
  /** In front of the plain product's name. */
  readonly prefix: string;
  /** Rows for which the weights are read once. */
  readonly rowsTogether: number;
  /** Of the codes; both of 4 and of 8 where it is absent. */
  readonly bits?: 4 | 8;
  /** Columns that are rounded together: whole groups. */
  readonly stage: number;
}

/** Each group of columns that meets one scale of the weights is rounded to 8-bit codes. */
export function roundedKernel(plain: OpRecord, layout: WeightLayout, how: RoundedProduct): OpRecord {
  const { prefix, rowsTogether, bits, stage } = how;
  const takes = (format: WeightFormat): format is WeightFormat & { kind: "quantized" } =>
    format.kind === "quantized" && (bits ?? format.bits) === format.bits && stage % format.group === 0;
  return {
    ...plain,
    name: prefixed(plain, prefix),
    doc: `${plain.doc} Rows are rounded to 8 bits first, group by group.`,
    infer: (types, attrs) => {
      if (!takes(formatOf(plain, layout, types))) {
        illTyped(`products of codes take ${bits ?? "4 or 8"} bits in groups that divide ${stage}`);
      }
      return plain.infer(types, attrs);
    },
    evaluate: ([x, w, ...others], attrs, result) => {
      invariant(x !== undefined && w?.kind === "packed", "a packed matrix is multiplied");
      const format = formatOf(plain, layout, [w.type, w.type]);
      invariant(format.kind === "quantized", "type inference has seen codes");
      return plain.evaluate([meaning("round_rows", [x], { group: format.group }), w, ...others], attrs, result);
    },
    work: (types, attrs, result) => {
      const [x, w, addend] = types;
      const rows = x?.kind === "tensor" ? Number(x.shape[0]) : 1;
      const elements = x?.kind === "tensor" ? elementCount(x.shape) : 0;
      const own = [x, addend].reduce((sum, type) => sum + (type === undefined ? 0 : typeBytes(type)), 0);
      const bytesRead = Math.ceil(rows / rowsTogether) * (w === undefined ? 0 : typeBytes(w)) + own;
      const { flops } = plain.work(types, attrs, result);
      return { flops: flops + ROUNDING_FLOPS * elements, bytesRead };
    },
    samples: plain.samples.filter(({ operands }) => takes(formatOf(plain, layout, operands))),
  };
}

/** Operations that round a number: magnitude, maximum, product, rounding, sign, scale. */
const ROUNDING_FLOPS = 6;

/** `wgsl.matmul_add` becomes `wgsl.narrow_matmul_add`. */
function prefixed({ name }: OpRecord, prefix: string): string {
  return name.replace(".", `.${prefix}_`);
}

function formatOf({ name }: OpRecord, layout: WeightLayout, [, w]: readonly ValueType[]): WeightFormat {
  const { format } = requirePacked(name, w);
  return layout.parseFormat(format) ?? illTyped(`\`${name}\` does not know the layout ${format}`);
}

function isNarrow(format: WeightFormat): boolean {
  return format.kind === "float" && format.dtype === "bf16";
}
