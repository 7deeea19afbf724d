// Every kernel of the WGSL target, printed from loops or tuned, through Dawn's compiler everywhere, and
// against its meaning where a device is.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { wgslFeatures } from "../../../backends/wgsl/kernel-row.js";
import { kernels } from "../../../backends/wgsl/kernels.js";
import { createRandom } from "../../../src/base/index.js";
import type { DType } from "../../../src/ir/index.js";
import { concreteType, isFloat } from "../../../src/ir/index.js";
import type { NodeDevice } from "../../../src/runtime/native-webgpu.js";
import { nodeFeatures, openNodeDevice, webGpuAbility } from "../../../src/runtime/native-webgpu.js";
import type { GpuDevice } from "../../../src/runtime/webgpu-device.js";
import { expectedOf } from "../../support/kernel-cases.js";
import type { Tolerance } from "../../support/tolerances.js";
import {
  exact, firstDifference, functionTolerance, softmaxTolerance, sumTolerance,
} from "../../support/tolerances.js";
import { closeNullDevice, openNullDevice, programFaults } from "../../support/webgpu.js";
import { kernelCases, loopCases } from "./kernel-cases.js";
import type { DeviceCase } from "./kernel-harness.js";
import { emitCase, runCase } from "./kernel-harness.js";

const ability = await webGpuAbility();
if (!ability.ok) console.warn(`skipped: running kernels on WGSL needs a device: ${ability.why}`);

const random = createRandom(11);
const cases = [...loopCases(random), ...kernelCases(random)];

const features = await nodeFeatures();
const lacking = wgslFeatures.filter((name) => !features.includes(name));
if (lacking.length > 0) console.warn(`skipped: kernels that need ${lacking.join(" or ")}, which no device here has`);

/** What needs no feature, or one that the device has. */
const runnable = cases.filter((each) => needsOf(each).every((feature) => features.includes(feature)));

function needsOf({ kernel, operandTypes, attrs, result }: DeviceCase): readonly string[] {
  const row = kernels.find(({ name }) => name === kernel);
  return (row?.instances?.(operandTypes, attrs, result) ?? []).flatMap(({ needs }) => needs ?? []);
}

/** Normal deviates of these tests stay below this. */
const LARGEST = 5;

const sums = ["matmul", "reduce_sum", "reduce_mean", "norm"];

function toleranceOf({ record, result, operandTypes, dims }: DeviceCase): Tolerance {
  const dtype: DType = result.kind === "tensor" || result.kind === "kv_cache" ? result.dtype : "f32";
  if (!isFloat(dtype)) return exact;
  const extents = operandTypes.flatMap((type) => {
    if (type.kind === "kv_cache") return [type.blockSize * (dims["B"] ?? 1)];
    return concreteType(type, dims).shape.map(Number);
  });
  const terms = Math.max(1, ...extents);
  const isSum = sums.some((word) => record.name.includes(word));
  if (record.name.includes("attention") || record.name === "softmax") return softmaxTolerance(dtype, terms, LARGEST);
  return isSum ? sumTolerance(dtype, terms, LARGEST) : functionTolerance(dtype, LARGEST);
}

async function differenceOf(device: GpuDevice, each: DeviceCase): Promise<string[]> {
  const difference = firstDifference(await runCase(device, each), expectedOf(each), toleranceOf(each));
  return difference === undefined ? [] : [`${each.title}: ${difference}`];
}

describe("modules of single kernels", () => {
  let device: GpuDevice;
  beforeAll(async () => {
    device = await openNullDevice();
  });
  afterAll(() => closeNullDevice(device));

  test("are valid", { timeout: 120_000 }, async () => {
    const faults: string[] = [];
    for (const each of cases) {
      const found = await programFaults(device, emitCase(each));
      faults.push(...found.map((fault) => `${each.title}: ${fault}`));
    }
    expect(faults).toEqual([]);
  });
});

describe.skipIf(!ability.ok)("kernels on a WebGPU device", () => {
  let opened: NodeDevice;
  beforeAll(async () => {
    opened = await openNodeDevice(features);
  });
  afterAll(() => opened.device.destroy());

  test("agree with what they mean", { timeout: 300_000 }, async () => {
    const differences: string[] = [];
    for (const each of runnable) differences.push(...(await differenceOf(opened.device, each)));
    expect(differences).toEqual([]);
  });

  test("that lacks a feature is told so", async () => {
    await expect(openNodeDevice(["no-such-feature"])).rejects.toThrow(/has no no-such-feature/);
  });
});

test("every kernel that runs has cases", () => {
  expect(new Set(cases.map(({ kernel }) => kernel).filter((kernel) => kernel.startsWith("wgsl."))).size).toBe(15);
  expect(new Set(cases.flatMap(needsOf))).toEqual(new Set(wgslFeatures));
});
