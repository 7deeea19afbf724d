// The extractors on the recorded graphs of `bench/instances`: cost, time, and the proven gap.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../instances");
const TIME_LIMIT_SECONDS = 20;

/** The solver lives beside the engine's build. */
async function solverOf(engine) {
  const built = engine.startsWith("/") ? engine : fileURLToPath(import.meta.resolve(engine));
  const { solveProgram } = await import(join(dirname(built), "../host/ilp-solver.js"));
  return solveProgram;
}

export async function extractionTable(engine) {
  const { extractFromJson, parseSerialized } = await import(engine);
  const ilp = { solver: await solverOf(engine), timeLimitSeconds: TIME_LIMIT_SECONDS };
  const lines = [["instance", "nodes", "method", "cost", "bound", "gap", "ms"]];
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json")).sort()) {
    const text = readFileSync(join(folder, file), "utf8");
    const size = String(Object.keys(parseSerialized(text).nodes).length);
    const results = [];
    for (const method of ["greedy", "greedy-dag", "ilp"]) {
      const result = await extractFromJson(text, method, { ilp, now: () => performance.now() });
      results.push({ method, ...result });
    }
    const bound = results.at(-1).bound;
    for (const { method, cost, timeMs } of results) {
      const gap = `${((100 * Math.max(0, cost - bound)) / cost).toFixed(2)} %`;
      const name = file.replace(/\.json$/, "");
      lines.push([name, size, method, cost.toPrecision(6), bound.toPrecision(6), gap, timeMs.toFixed(1)]);
    }
  }
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) => line.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd()).join("\n");
}
