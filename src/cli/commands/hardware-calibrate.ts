/** `llmir hardware calibrate`: measures this machine, so that plans are priced by what it does. */

import type { Command } from "commander";

import { invariant } from "../../base/index.js";
import type { Backend } from "../../codegen/index.js";
import {
  calibrate, DEFAULT_COMPILE_OPTIONS, forgetMeasurements, machineDescription, targets,
} from "../../compiler/index.js";
import type { HardwareDescription } from "../../cost/index.js";
import type { Door } from "../door.js";
import { writeJson } from "../door.js";
import { count, formatTable, threeDigits } from "../format.js";

interface CalibrateFlags {
  readonly forget?: boolean;
  readonly json?: boolean;
}

export function addHardwareCalibrate(hardware: Command, door: Door): void {
  hardware
    .command("calibrate")
    .summary("measure this machine, and price plans by that")
    .description(
      "Measures peaks, the bandwidth of each level of memory, and what it costs threads to meet, with a C program " +
        "that takes some seconds on all cores: let nothing else run. Plans are priced by what was found from then on.",
    )
    .option("--forget", "go back to the target's description")
    .option("--json", "print JSON, in the form of a description file")
    .addHelpText("after", "\nExamples:\n  llmir hardware calibrate\n  llmir hardware calibrate --forget")
    // `--json` is one of the command above too, and is found there first.
    .action((_: CalibrateFlags, command: Command) => calibrateHardware(door, command.optsWithGlobals()));
}

/** The target whose programs the processors of this machine run. */
function processorTarget(): Backend {
  const found = targets.find(({ measure }) => measure !== undefined);
  invariant(found !== undefined, "a target runs on processors");
  return found;
}

async function calibrateHardware(door: Door, { forget, json }: CalibrateFlags): Promise<void> {
  const { host, terminal } = door;
  const backend = processorTarget();
  const describe = (): HardwareDescription => machineDescription(host, backend, DEFAULT_COMPILE_OPTIONS);
  const before = describe();
  if (forget === true) {
    forgetMeasurements(host, backend);
  } else {
    if (json !== true) terminal.err("measuring: some seconds on all cores\n");
    await calibrate(host, backend);
  }
  if (json === true) writeJson(door, describe());
  else terminal.out(renderChanges(before, describe()));
}

/** What is priced otherwise than before. */
function renderChanges(before: HardwareDescription, after: HardwareDescription): string {
  const facts = [before, after].map(factsOf);
  const rows = facts[1]!.map(([name = "", now = ""], i) => [name, facts[0]![i]?.[1] ?? "", now]);
  return `${after.name}\n${formatTable([["", "before", "now"], ...rows], ["left", "right", "right"])}`;
}

function factsOf({ threads, clockHz, caches, memory, barrierNs, ...rest }: HardwareDescription): string[][] {
  const giga = (each: number, unit: string): string => `${threeDigits(each / 1e9)} ${unit}`;
  return [
    ["clock", giga(clockHz, "GHz")],
    ["binary32, a thread", giga(clockHz * rest.flopsPerCycle, "GFLOP/s")],
    ["8-bit integers, a thread", giga(clockHz * rest.int8OpsPerCycle, "GOP/s")],
    ["bfloat16, a thread", giga(clockHz * rest.bf16OpsPerCycle, "GFLOP/s")],
    ...caches.map(({ bytesPerSecond }, i) => [`cache ${i + 1}, a thread`, giga(bytesPerSecond, "GB/s")]),
    ["memory, a thread", giga(memory.bytesPerSecondOneThread, "GB/s")],
    [`memory, ${count(threads, "thread")}`, giga(memory.bytesPerSecond, "GB/s")],
    ["barrier", `${threeDigits(barrierNs)} ns`],
  ];
}
