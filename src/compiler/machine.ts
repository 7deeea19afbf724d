/**
 * The machine that plans are priced for: a target's description, what the operating system says of this
 * machine, and what `llmir hardware calibrate` has measured on it. Measurements lie in the cache, beside the
 * name of the machine that they are of; those of another machine, or damaged ones, count as none.
 */

import type { Host } from "../base/index.js";
import { at } from "../base/index.js";
import type { Backend } from "../codegen/index.js";
import type { HardwareDescription, MachineMeasurements } from "../cost/index.js";
import { checkMeasurements, describeMachine, parseHardware, withMeasurements } from "../cost/index.js";
import type { CompileOptions } from "../artifacts/index.js";
import { measurementsFolder } from "../artifacts/index.js";
import { readAsset } from "./rule-files.js";

/** Of the target; for its own processors, with what is known of this machine. */
export function machineDescription(
  host: Host,
  backend: Backend,
  { arch, threads }: Pick<CompileOptions, "arch" | "threads">,
): HardwareDescription {
  const file = `backends/${backend.name}/hardware/${at(backend.hardware, 0)}.json`;
  const generic = parseHardware(JSON.parse(readAsset(host, file)));
  if (!backend.capabilities.runsOnHost) return generic;
  // What is built for a named processor is priced for no other: only cores and caches are this machine's.
  const facts = arch === undefined ? host.machine : { ...host.machine, features: [] };
  const described = describeMachine(generic, facts);
  const measured = arch === undefined ? measurementsOf(host, backend) : undefined;
  const machine = measured === undefined ? described : withMeasurements(described, measured);
  return threads === undefined ? machine : { ...machine, threads };
}

const measurementsFile = "measured.json";

interface Remembered {
  /** What the operating system said of the machine. */
  readonly machine: string;
  readonly measured: MachineMeasurements;
}

/** What was measured on this machine, when it was. */
export function measurementsOf(host: Host, { name }: Backend): MachineMeasurements | undefined {
  const path = host.files.join(measurementsFolder(host), name, measurementsFile);
  if (!host.files.exists(path)) return undefined;
  try {
    const { machine, measured } = JSON.parse(host.files.readText(path)) as Partial<Remembered>;
    return machine === machineName(host) ? checkMeasurements(measured) : undefined;
  } catch {
    return undefined;
  }
}

function machineName({ machine, sha256 }: Host): string {
  return sha256(JSON.stringify(machine));
}

/**
 * Measures this machine for a target that can, and remembers it. Takes some seconds, on all cores. Throws
 * `HostError` when the measuring program cannot be built.
 */
export async function calibrate(host: Host, backend: Backend): Promise<MachineMeasurements | undefined> {
  const { measure } = backend;
  if (measure === undefined) return undefined;
  const { threads, caches } = machineDescription(host, backend, { arch: undefined, threads: undefined });
  const path = host.files.join(measurementsFolder(host), backend.name);
  let measured: MachineMeasurements | undefined;
  host.files.makeFolder(measurementsFolder(host));
  host.files.remove(path);
  await host.files.writeFolder(path, async (folder) => {
    measured = await measure(host, { folder, threads, cacheSizes: caches.map(({ sizeBytes }) => sizeBytes) });
    const remembered: Remembered = { machine: machineName(host), measured };
    host.files.write(host.files.join(folder, measurementsFile), `${JSON.stringify(remembered, undefined, 2)}\n`);
  });
  return measured;
}

/** Plans are priced by the description again. */
export function forgetMeasurements(host: Host, { name }: Backend): void {
  host.files.remove(host.files.join(measurementsFolder(host), name));
}
