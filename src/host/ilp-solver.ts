/**
 * Solves integer programs with HiGHS (compiled to WebAssembly) in a worker thread, so that the caller goes on
 * meanwhile and a time limit holds. The one file that knows the package, which is loaded in the worker alone.
 */

import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";

/** Minimise cost · x subject to rowLower <= A x <= rowUpper and 0 <= x <= upper. */
export interface SolverProgram {
  readonly cost: Float64Array;
  readonly upper: Float64Array;
  /** 1 where x must be an integer. */
  readonly integer: Uint8Array;
  readonly rowLower: Float64Array;
  readonly rowUpper: Float64Array;
  /** Row r has the entries `starts[r] .. starts[r + 1] - 1`. */
  readonly starts: Int32Array;
  readonly columns: Int32Array;
  readonly values: Float64Array;
}

export interface SolverTask {
  readonly program: SolverProgram;
  /** A feasible point, to start from. */
  readonly start: Float64Array | undefined;
  readonly timeLimitSeconds: number;
}

export interface SolverAnswer {
  readonly status: "optimal" | "infeasible" | "stopped";
  readonly x: Float64Array | undefined;
  /** No feasible point costs less. -Infinity if nothing is known. */
  readonly bound: number;
}

/** What the worker is given beside the task: functions do not travel. */
interface WorkerInput {
  readonly packagePath: string;
  readonly program: SolverProgram;
  readonly start: Float64Array | undefined;
  readonly timeLimitSeconds: number;
}

/** A solver that stops itself late is ended after so many seconds more. */
const GRACE_SECONDS = 10;

/** Runs in the worker, from its text: a worker's file would be found in a build but not among the sources. */
const WORKER = `
const { parentPort, workerData } = require("node:worker_threads");
const { packagePath, program, start, timeLimitSeconds } = workerData;
require(packagePath)().then((highs) => {
  const bounded = (values) => values.map((value) => Math.max(-highs.infinity, Math.min(highs.infinity, value)));
  const numCols = program.cost.length;
  const numRows = program.rowLower.length;
  const model = highs.createModel({
    numCols,
    numRows,
    sense: highs.constants.objectiveSense.minimize,
    colCost: program.cost,
    colLower: new Float64Array(numCols),
    colUpper: program.upper,
    rowLower: bounded(program.rowLower),
    rowUpper: bounded(program.rowUpper),
    matrix: {
      format: "csr",
      numRows,
      numCols,
      starts: program.starts,
      indices: program.columns,
      values: program.values,
    },
    integrality: Int32Array.from(program.integer),
  });
  model.options.set({ output_flag: false, time_limit: timeLimitSeconds, mip_rel_gap: 0, random_seed: 1 });
  if (start !== undefined) model.setSolution({ colValue: start });
  model.run();
  const { optimal, infeasible } = highs.constants.modelStatus;
  const status = model.getModelStatus();
  const values = model.getSolution().colValue;
  parentPort.postMessage({
    status: status === optimal ? "optimal" : status === infeasible ? "infeasible" : "stopped",
    x: values.length === numCols ? values : undefined,
    bound: Number(model.info.get("mip_dual_bound")),
  });
  model.dispose();
});
`;

/** Rejects when the package is missing or the solver fails. */
export async function solveProgram({ program, start, timeLimitSeconds }: SolverTask): Promise<SolverAnswer> {
  const packagePath = createRequire(import.meta.url).resolve("highs");
  const workerData: WorkerInput = { packagePath, program, start, timeLimitSeconds };
  const worker = new Worker(WORKER, { eval: true, workerData });
  const late = { status: "stopped", x: undefined, bound: Number.NEGATIVE_INFINITY } as const;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<SolverAnswer>((resolve, reject) => {
      timer = setTimeout(() => resolve(late), (timeLimitSeconds + GRACE_SECONDS) * 1000);
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", () => reject(new Error("the solver ended without an answer")));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
