/**
 * Hadamard rotations: the orthogonal matrices of equal magnitudes that spread outliers before numbers are
 * rounded. Sylvester's order, scaled to length 1, so that the matrix is its own inverse.
 */

import type { Statement } from "../loop-form.js";
import { binary, declare, index, load, local, loop, number, store } from "../loop-form.js";
import { elementCount, tensor } from "../types.js";
import { roundInPlace } from "../values.js";
import { attrOr, defineCoreOp, draftBySignature, knownTensor, pick } from "./drawing.js";
import { add, indicesOf, int, loadFloat, mul, resultOf, sub, tensorOf } from "./loop-parts.js";
import { inferBySignature, signature } from "./signature.js";
import { newResult, tensorAt } from "./tensor-access.js";
import { refuse, requireExtent } from "./type-checks.js";

function requirePowerOfTwo(op: string, size: number): void {
  if (size < 1 || !Number.isInteger(Math.log2(size))) {
    refuse(`\`${op}\` needs a power of two, found ${size}`);
  }
}

/** 1 where an even number of bits are set in both, else -1. */
function signAt(row: number, column: number): number {
  let both = row & column;
  let sign = 1;
  for (; both !== 0; both &= both - 1) sign = -sign;
  return sign;
}

const hadamard = defineCoreOp({
  name: "hadamard",
  doc: "The Hadamard matrix of a size that is a power of two, divided by the square root of its size.",
  operands: [],
  attrs: { size: "int" },
  traits: ["pure", "constant"],
  infer: (_, { size }) => {
    requirePowerOfTwo("hadamard", size);
    return tensor("f32", size, size);
  },
  evaluate: (_, { size }, result) => {
    const out = newResult(result);
    const unit = 1 / Math.sqrt(size);
    for (let i = 0; i < out.data.length; i++) out.data[i] = unit * signAt(Math.floor(i / size), i % size);
    return out;
  },
  work: () => ({ flops: 0, bytesRead: 0, bytesWritten: 0 }),
  draw: (random, request) => ({
    operands: [],
    attrs: {
      size: attrOr(request, "size", () => knownTensor(request.result)?.shape[0] ?? pick(random, [1, 2, 4, 8])),
    },
  }),
  samples: [{ operands: [], attrs: { size: 4 } }],
});

const transformTypes = signature("x: float[..., D] -> float[..., D]");

const hadamardTransform = defineCoreOp({
  name: "hadamard_transform",
  doc: "Each row times the `hadamard` matrix of its length, by sums and differences alone.",
  operands: transformTypes.names,
  attrs: {},
  traits: ["pure", "rowwise"],
  infer: (types) => {
    const result = tensorOf(inferBySignature("hadamard_transform", transformTypes, types));
    requirePowerOfTwo("hadamard_transform", requireExtent("hadamard_transform", result.shape.length - 1, result));
    return result;
  },
  evaluate: (operands, _, result) => {
    const { data } = tensorAt(operands, 0);
    const out = newResult(result);
    const width = out.shape.at(-1) ?? 1;
    const unit = 1 / Math.sqrt(width);
    for (let start = 0; start < data.length; start += width) {
      const row = Float64Array.from(data.subarray(start, start + width));
      for (let half = 1; half < width; half *= 2) {
        for (let i = 0; i < width; i++) {
          if ((i & half) !== 0) continue;
          const [left, right] = [row[i]!, row[i + half]!];
          row[i] = left + right;
          row[i + half] = left - right;
        }
      }
      row.forEach((each, i) => (out.data[start + i] = each * unit));
    }
    roundInPlace(out);
    return out;
  },
  work: ([x]) => ({
    flops: elementCount(tensorOf(x).shape) * (1 + Math.log2(Number(tensorOf(x).shape.at(-1)))),
  }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const width = Number(shape.at(-1));
    const rows = indicesOf(shape.slice(0, -1));
    const first = loop("j", width, "serial", [
      store(
        "result",
        [...rows, index("j")],
        mul(loadFloat("x", ...rows, index("j")), number(1 / Math.sqrt(width))),
      ),
    ]);
    const stageCount = Math.log2(width);
    const stages = Array.from({ length: stageCount }, (_, stage) => lowerStage(rows, width, 2 ** stage));
    return shape
      .slice(0, -1)
      .reduceRight<readonly Statement[]>(
        (inner, extent, i) => [loop(`i${i}`, extent, "parallel", inner)],
        [first, ...stages],
      );
  },
  draw: draftBySignature(transformTypes, {
    relate: (extents, random) => {
      extents["D"] ??= pick(random, [1, 2, 4, 8]);
    },
  }),
  samples: [
    { operands: [tensor("f32", "T", 8)], attrs: {}, dims: { T: 3 } },
    { operands: [tensor("f32", 2, 1)], attrs: {} },
  ],
});

/** Sums and differences of elements that lie `half` apart, in place. */
function lowerStage(rows: readonly ReturnType<typeof index>[], width: number, half: number): Statement {
  const run = mul(binary("quotient", index("p"), int(half)), int(2 * half));
  const low = add(run, binary("remainder", index("p"), int(half)));
  const high = add(low, int(half));
  return loop("p", width / 2, "serial", [
    declare("left", "f32", load("result", ...rows, low)),
    declare("right", "f32", load("result", ...rows, high)),
    store("result", [...rows, low], add(local("left"), local("right"))),
    store("result", [...rows, high], sub(local("left"), local("right"))),
  ]);
}

export const rotationOps = [hadamard, hadamardTransform] as const;
