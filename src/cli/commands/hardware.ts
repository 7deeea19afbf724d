/** `llmir hardware`: the description of the machine that plans are priced with. */

import type { Command } from "commander";

import { DEFAULT_COMPILE_OPTIONS, findTarget, machineDescription, targets } from "../../compiler/index.js";
import type { HardwareDescription } from "../../cost/index.js";
import { diagnostic, didYouMean } from "../../diagnostics/index.js";
import type { Door } from "../door.js";
import { CommandFailure, writeJson } from "../door.js";
import { parseCount } from "../flags.js";
import { count, formatBytes, formatTable, threeDigits } from "../format.js";
import { addHardwareCalibrate } from "./hardware-calibrate.js";

interface Flags {
  readonly target: string;
  readonly threads?: number;
  readonly json?: boolean;
}

export function addHardware(program: Command, door: Door): void {
  const hardware = program
    .command("hardware")
    .summary("the machine that plans are priced for")
    .description(
      "Shows the description of this machine that the cost model uses: cores, caches, peaks, bandwidths. It is the " +
        "target's own, with what the operating system says, and with what `llmir hardware calibrate` has measured.",
    )
    .option("--target <name>", "whose description", DEFAULT_COMPILE_OPTIONS.target)
    .option("--threads <count>", "threads that a plan may use (default: the machine's cores)", parseCount)
    .option("--json", "print JSON, in the form of a description file")
    .addHelpText("after", "\nExamples:\n  llmir hardware --threads 1\n  llmir hardware calibrate    measure this machine")
    .action((flags: Flags) => {
      showHardware(door, flags);
    });
  addHardwareCalibrate(hardware, door);
}

function showHardware(door: Door, { target, threads, json }: Flags): void {
  const backend = findTarget(target);
  if (backend === undefined) {
    const known = targets.map(({ name }) => name);
    const hint = didYouMean(target, known) ?? `known targets: ${known.join(", ")}`;
    throw new CommandFailure(diagnostic("plan/unknown-target", `there is no target \`${target}\``, { hint }));
  }
  const hardware = machineDescription(door.host, backend, { ...DEFAULT_COMPILE_OPTIONS, threads });
  if (json === true) writeJson(door, hardware);
  else door.terminal.out(renderHardware(hardware));
}

export function renderHardware(hardware: HardwareDescription): string {
  const { threads, clockHz, flopsPerCycle, caches, memory, barrierNs, families } = hardware;
  const peak = threads * clockHz * flopsPerCycle;
  const rate = (bytesPerSecond: number): string => `${threeDigits(bytesPerSecond / 1e9)} GB/s`;
  const facts = [
    ["threads", String(threads)],
    ["peak", `${threeDigits(peak / 1e9)} GFLOP/s in binary32 (${threeDigits(flopsPerCycle)} a cycle at ${threeDigits(clockHz / 1e9)} GHz each)`],
    ...caches.map(({ sizeBytes, bytesPerSecond }, i) => [`cache ${i + 1}`, `${formatBytes(sizeBytes)} a thread, ${rate(bytesPerSecond)}`]),
    ["memory", `${formatBytes(memory.sizeBytes)}, ${rate(memory.bytesPerSecond)}, one thread ${rate(memory.bytesPerSecondOneThread)}`],
    ["barrier", `${threeDigits(barrierNs)} ns for ${count(threads, "thread")} to meet`],
  ];
  const rows = Object.entries(families).map(([name, { peakShare, bandwidthShare, overheadNs }]) => [
    name, `${threeDigits(100 * peakShare)} %`, `${threeDigits(100 * bandwidthShare)} %`, `${overheadNs} ns`,
  ]);
  const table = formatTable([["", "of peak", "of bandwidth", "a call"], ...rows], ["left", "right", "right", "right"]);
  return `${hardware.name}\n${formatTable(facts, ["left", "left"])}\nkernel families\n${table}`;
}
