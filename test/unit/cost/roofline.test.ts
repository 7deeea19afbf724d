import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import type { KernelWork } from "../../../src/cost/index.js";
import { describeMachine, parseHardware, priceKernel } from "../../../src/cost/index.js";

const generic = parseHardware(JSON.parse(readFileSync("backends/c/hardware/generic-x86-64.json", "utf8")));
const quiet: KernelWork = { family: "matmul", flops: 0, weightBytes: 0, activationBytes: 0 };

describe("the roofline", () => {
  it("prices a large decode product by its bytes over memory bandwidth", () => {
    const bytes = 2 ** 30;
    const { timeNs, bound } = priceKernel(generic, { ...quiet, flops: bytes / 2, weightBytes: bytes }, bytes);
    const share = generic.families.matmul.bandwidthShare;
    const expectedNs = (bytes / (generic.memory.bytesPerSecond * share)) * 1e9;
    expect(bound).toBe("traffic");
    expect(timeNs / expectedNs).toBeCloseTo(1, 3);
  });

  it("prices a large prefill product by its arithmetic", () => {
    const { bound } = priceKernel(generic, { ...quiet, flops: 1e12, weightBytes: 2 ** 20 }, 2 ** 20);
    expect(bound).toBe("arithmetic");
  });

  it("prices bytes lower when all weights stay in a cache", () => {
    const work = { ...quiet, weightBytes: 2 ** 16 };
    const inCache = priceKernel(generic, work, 2 ** 16);
    const inMemory = priceKernel(generic, work, 2 ** 32);
    expect(inCache.trafficNs).toBeLessThan(inMemory.trafficNs / 2);
  });

  it("never gets cheaper when more bytes move or more is computed", () => {
    const base = { ...quiet, flops: 1e6, weightBytes: 1e6, activationBytes: 1e4 };
    const { timeNs } = priceKernel(generic, base, 1e9);
    for (const field of ["flops", "weightBytes", "activationBytes"] as const) {
      const more = priceKernel(generic, { ...base, [field]: base[field] * 3 }, 1e9);
      expect(more.timeNs).toBeGreaterThanOrEqual(timeNs);
    }
  });

  it("says that a tiny kernel is bound by what a call costs", () => {
    expect(priceKernel(generic, { ...quiet, flops: 100, activationBytes: 100 }, 100).bound).toBe("overhead");
  });
});

describe("describing a machine", () => {
  const facts = {
    architecture: "x64",
    model: "Some Processor",
    physicalCores: 4,
    memoryBytes: 2 ** 34,
    cacheBytes: { l1: 2 ** 15, l2: 2 ** 21, l3: 2 ** 25 },
  };

  it("takes threads, caches and vector width from the operating system", () => {
    const machine = describeMachine(generic, { ...facts, features: ["avx2", "fma", "avx512f"] });
    expect(machine).toMatchObject({ name: "Some Processor", threads: 4, flopsPerCycle: 64 });
    expect(machine.caches.map(({ sizeBytes }) => sizeBytes)).toEqual([2 ** 15, 2 ** 21, 2 ** 23]);
  });

  it("keeps the generic figures for what is not known", () => {
    const unknown = {
      ...facts,
      model: "",
      physicalCores: 0,
      cacheBytes: { l1: 0, l2: 0, l3: 0 },
      features: [],
    };
    const machine = describeMachine(generic, unknown);
    expect(machine.caches).toEqual(generic.caches);
    expect(machine.flopsPerCycle).toBe(generic.flopsPerCycle);
  });

  it("names the field of a description that is wrong", () => {
    expect(() => parseHardware({ ...generic, clockHz: -1 })).toThrow("clockHz");
    expect(() => parseHardware({ ...generic, families: {} })).toThrow("families.matmul");
  });
});
