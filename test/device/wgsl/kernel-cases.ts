// Cases for the WGSL target: the samples of every op with a loop form and of every kernel that runs, and
// shapes that meet the edges of the products' tiles and stages.

import { kernels } from "../../../backends/wgsl/kernels.js";
import { panelLayout } from "../../../backends/wgsl/panels.js";
import type { Random } from "../../../src/base/index.js";
import type { WeightFormat } from "../../../src/codegen/index.js";
import type { OpRecord, OpSample, PackedType, Value } from "../../../src/ir/index.js";
import { coreOps, coreRegistry, hasTrait, inferType, roundTo, tensor } from "../../../src/ir/index.js";
import { drawSample } from "../../support/sample-values.js";
import type { DeviceCase } from "./kernel-harness.js";

/** Random weights in a packed layout. */
function drawPacked(random: Random, type: PackedType): Value {
  const format = panelLayout.parseFormat(type.format);
  const [rows = 1, columns = 1] = type.shape;
  if (format === undefined) throw new Error(`the layout ${type.format} is unknown`);
  const dtype = format.kind === "float" ? format.dtype : "f32";
  const data = Float32Array.from({ length: rows * columns }, () => roundTo(dtype, random.normal()));
  const matrix = { kind: "tensor", dtype, shape: [rows, columns], data } as const;
  if (format.kind === "float") return panelLayout.packFloats(matrix, type);
  const quantize = coreRegistry.require("quantize");
  const attrs = { bits: format.bits, group: format.group };
  const quantized = quantize.evaluate([matrix], attrs, inferType(quantize, [tensor("f32", rows, columns)], attrs));
  if (quantized.kind !== "quantized") throw new Error("quantize makes quantized matrices");
  return panelLayout.packQuantized(quantized, type);
}

function caseOf(random: Random, record: OpRecord, sample: OpSample, kernel: string): DeviceCase {
  const plain = sample.operands.map((type) => (type.kind === "packed" ? tensor("f32") : type));
  const drawn = drawSample(random, record, { ...sample, operands: plain });
  const operands = sample.operands.map((type, i) =>
    type.kind === "packed" ? drawPacked(random, type) : drawn.operands[i]!,
  );
  const result = inferType(record, sample.operands, sample.attrs, sample.result);
  const extents = Object.entries(drawn.dims).map(([name, extent]) => `${name}=${extent}`);
  const formats = sample.operands.flatMap((type) => (type.kind === "packed" ? [`${type.format} ${type.shape.join("x")}`] : []));
  const title = [kernel, JSON.stringify(sample.attrs), ...formats, ...extents].join(" ");
  const { attrs, operands: operandTypes } = sample;
  return { title, record, kernel, operands, operandTypes, attrs, result, dims: drawn.dims };
}

export function loopCases(random: Random): readonly DeviceCase[] {
  const records: readonly OpRecord[] = coreOps;
  return records
    .filter((record) => record.lower !== undefined && !hasTrait(record, "view"))
    .flatMap((record) => record.samples.map((each) => caseOf(random, record, each, `loops.${record.name}`)));
}

const formats: readonly WeightFormat[] = [
  { kind: "float", dtype: "f32" },
  { kind: "float", dtype: "f16" },
  { kind: "float", dtype: "bf16" },
  { kind: "quantized", bits: 8, group: 32 },
  { kind: "quantized", bits: 4, group: 64 },
];

/** Tokens of every kernel for products, inner extents around a stage, outer ones around a panel. */
function productCases(random: Random): readonly DeviceCase[] {
  const shapes = [[64, 64, 1], [576, 65, 3], [640, 37, 17], [64, 130, 33]] as const;
  return ["wgsl.matmul", "wgsl.matmul_add"].flatMap((name, i) =>
    formats.flatMap((format) =>
      shapes.flatMap(([rows, columns, tokens], k) => {
        const [record] = kernels.filter((row) => row.name === name);
        if (record === undefined) return [];
        // Odd inner extents where no group of a quantized matrix stands against them.
        const inner = format.kind === "float" ? rows - 5 : rows;
        const operands = [tensor("f32", "T", inner), panelLayout.packedType(format, [inner, columns])];
        const addend = i === 0 ? [] : [tensor("f32", "T", columns)];
        if (i === 1 && k % 2 === 0) return [];
        const sample = { operands: [...operands, ...addend], attrs: {}, dims: { T: tokens } };
        return [caseOf(random, record, sample, name)];
      }),
    ),
  );
}

export function kernelCases(random: Random): readonly DeviceCase[] {
  const running = kernels.filter(({ instances }) => instances !== undefined);
  const samples = running.flatMap((row) =>
    row.samples.map((sample) => caseOf(random, row, sample, row.name)),
  );
  return [...samples, ...productCases(random)];
}
