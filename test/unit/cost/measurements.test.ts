import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import type { MachineMeasurements } from "../../../src/cost/index.js";
import { checkMeasurements, parseHardware, parseMeasurements, withMeasurements } from "../../../src/cost/index.js";

const generic = parseHardware(JSON.parse(readFileSync("backends/c/hardware/generic-x86-64.json", "utf8")));

const printed = `clock_hz 4e9
f32_ops 1.28e11
int8_ops 5.12e11
bf16_ops 2.56e11
cache_bytes 2e11
cache_bytes 1e11
memory_bytes_one 3e10
memory_bytes 5e10
barrier_ns 150
`;

function read(text: string): MachineMeasurements {
  const measured = parseMeasurements(text);
  if (measured === undefined) throw new Error("nothing was measured");
  return measured;
}

test("measurements take the place of what is usual, and what was not measured stays", () => {
  const description = withMeasurements(generic, read(printed));
  expect(description).toEqual({
    ...generic,
    clockHz: 4e9,
    flopsPerCycle: 32,
    int8OpsPerCycle: 128,
    bf16OpsPerCycle: 64,
    caches: [
      { ...generic.caches[0], bytesPerSecond: 2e11 },
      { ...generic.caches[1], bytesPerSecond: 1e11 },
      generic.caches[2],
    ],
    memory: { ...generic.memory, bytesPerSecondOneThread: 3e10, bytesPerSecond: 5e10 },
    barrierNs: 150,
  });
});

test("one thread meets nobody, and a machine may multiply bfloat16 elsewhere", () => {
  const { bf16OpsPerCycle, barrierNs } = withMeasurements(generic, read(printed.replace(/(bf16_ops|barrier_ns) .*\n/g, "")));
  expect([bf16OpsPerCycle, barrierNs]).toEqual([generic.bf16OpsPerCycle, generic.barrierNs]);
});

test.each([
  ["nothing", ""],
  ["a missing rate", printed.replace("f32_ops 1.28e11\n", "")],
  ["a rate of 0", printed.replace("1.28e11", "0")],
  ["a rate that is no number", printed.replace("1.28e11", "fast")],
  ["an infinite bandwidth", printed.replace("cache_bytes 2e11", "cache_bytes inf")],
])("%s is no measurement", (_, text) => {
  expect(parseMeasurements(text)).toBeUndefined();
});

test("what was written down is checked before it is used", () => {
  const measured = JSON.parse(JSON.stringify(read(printed))) as MachineMeasurements;
  expect(checkMeasurements(measured)).toEqual(measured);
  for (const damaged of [null, 7, {}, { ...measured, clockHz: "4e9" }, { ...measured, cacheBytesPerSecond: 3 }]) {
    expect(checkMeasurements(damaged)).toBeUndefined();
  }
});
