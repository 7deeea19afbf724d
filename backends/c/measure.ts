/** Measures this machine's processors with `measure/measure.c`, compiled as programs of this target are. */

import type { Host } from "../../src/base/index.js";
import { HostError } from "../../src/base/index.js";
import type { MeasureRequest } from "../../src/codegen/index.js";
import type { MachineMeasurements } from "../../src/cost/index.js";
import { parseMeasurements } from "../../src/cost/index.js";
import { compileForMachine } from "./build.js";

/** Half of a level's share: what lies there stays there. */
const HALF = 2;

/** Takes some seconds. Throws `HostError` when there is no compiler, or the program fails. */
export async function measureMachine(
  host: Host,
  { folder, threads, cacheSizes }: MeasureRequest,
): Promise<MachineMeasurements> {
  const source = (...path: readonly string[]): string => host.files.join(host.assetRoot, "backends", "c", ...path);
  const program = host.files.join(folder, "measure");
  await compileForMachine(host, folder, [
    source("measure", "measure.c"), source("runtime", "pool.c"), "-o", program, "-pthread", "-lm",
  ]);
  const sizes = cacheSizes.map((size) => String(Math.floor(size / HALF)));
  const { exitCode, stdout, stderr } = await host.run(program, [String(threads), ...sizes], { folder });
  host.files.remove(program);
  const measured = exitCode === 0 ? parseMeasurements(stdout) : undefined;
  if (measured === undefined) throw new HostError(`this machine cannot be measured: ${stderr.trim() || stdout.trim()}`, { path: folder });
  return measured;
}
