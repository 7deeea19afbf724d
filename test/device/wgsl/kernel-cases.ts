// Cases for the WGSL target: the samples of every op with a loop form and of every kernel that runs, and
// shapes that meet the edges of the products' tiles and stages.

import { kernels } from "../../../backends/wgsl/kernels.js";
import { panelLayout } from "../../../backends/wgsl/panels.js";
import type { Random } from "../../../src/base/index.js";
import type { WeightFormat } from "../../../src/codegen/index.js";
import type { OpRecord, OpSample, Value, ValueType } from "../../../src/ir/index.js";
import { hasTrait, tensor } from "../../../src/ir/index.js";
import { drawCase, drawPacked, loopCases as everyLoopCase } from "../../support/kernel-cases.js";
import type { DeviceCase } from "./kernel-harness.js";

function caseOf(random: Random, record: OpRecord, sample: OpSample, kernel: string): DeviceCase {
  const draw = (type: ValueType): Value | undefined =>
    type.kind === "packed" ? drawPacked(random, type, panelLayout) : undefined;
  return { ...drawCase(random, record, sample, draw), kernel };
}

export function loopCases(random: Random): readonly DeviceCase[] {
  return everyLoopCase(random)
    .filter(({ record }) => !hasTrait(record, "view"))
    .map((each) => ({ ...each, kernel: `loops.${each.record.name}` }));
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
