/**
 * Packs with all cores where that is worth the start of threads. The file is the same whoever computes its
 * pieces.
 */

import type { Host } from "../base/index.js";
import { invariant } from "../base/index.js";
import type { Diagnostic, Result } from "../diagnostics/index.js";
import { failure, success } from "../diagnostics/index.js";
import type { PackedPart, PackInput, PackReport } from "./pack.js";
import { PackCollector, packTasks, packWeights } from "./pack.js";
import type { PackSetup } from "./pack-thread.js";
import { everyTargetRegistry } from "./targets.js";

/** A thread loads the compiler first: about as long as packing so much takes. */
const LEAST_BYTES = 32 * 2 ** 20;

const MOST_THREADS = 16;

export async function packOnThreads(host: Host, input: PackInput): Promise<Result<PackReport>> {
  const { onThreads } = host;
  const threads = Math.min(MOST_THREADS, host.machine.physicalCores);
  const { plan, constants, weights, registry, writeAt, onPart } = input;
  const isKnown = constants.every(({ term }) =>
    term.operations.every((operation) => operation.kind === "op" && everyTargetRegistry.get(operation.op) !== undefined),
  );
  const isWorthIt = threads > 1 && plan.weights.sizeBytes >= LEAST_BYTES;
  if (onThreads === undefined || !isKnown || !isWorthIt) return packWeights(input);
  const source = { plan: { weights: plan.weights }, constants: constants.map(({ term }) => ({ term })) };
  const setup: PackSetup = { source, location: weights.location };
  const tasks = packTasks(source, registry);
  const collector = new PackCollector(source, tasks);
  const faults: Diagnostic[] = [];
  let done = 0;
  await onThreads({
    module: "src/compiler/pack-thread.js",
    setup,
    tasks,
    threads,
    onResult: (task, result) => {
      const fault = collector.add(task, result as PackedPart, writeAt);
      if (fault !== undefined) faults.push(fault);
      done++;
      onPart?.(done, tasks.length);
    },
  });
  const [fault] = faults;
  if (fault !== undefined) return failure(fault);
  invariant(done === tasks.length, "every piece was packed");
  return success(collector.report());
}
