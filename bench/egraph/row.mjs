// One workload in this engine, in a process of its own: `row.mjs ID RUNS [--engine FILE] [--explain]`.
// Prints one JSON object: counts, stop reason, seconds of each run and of the
// phases of the last, processor time with all threads, peak memory of the first in bytes.

import { buildRules, buildTerm } from "./terms.mjs";
import { workload } from "./workloads.mjs";

const [id, runs, ...flags] = process.argv.slice(2);
const engineAt = flags.indexOf("--engine");
const engine = await import(engineAt < 0 ? "llmir/egraph-ts" : flags[engineAt + 1]);
const { EGraph, backoffScheduler, saturate, simpleScheduler } = engine;
const { rules: set, start, backoff, iterations } = workload(id);

const rules = buildRules(set);
const explanations = flags.includes("--explain");
const options = {
  scheduler: backoff ? backoffScheduler() : simpleScheduler,
  limits: { nodes: 100_000_000, iterations },
  now: () => performance.now(),
};
let peakBytes = 0;
const seconds = [];
const cpuSeconds = [];
let outcome = {};
for (let run = 0; run < Number(runs); run++) {
  const graph = new EGraph({ explanations });
  for (const text of start) buildTerm(graph, text);
  const begun = performance.now();
  const cpuBegun = process.cpuUsage();
  const report = saturate(graph, rules, options);
  const { user, system } = process.cpuUsage(cpuBegun);
  cpuSeconds.push((user + system) / 1e6);
  seconds.push((performance.now() - begun) / 1000);
  // of the first run: later ones meet what the collector has not taken away yet
  if (run === 0) peakBytes = process.resourceUsage().maxRSS * 1024;
  const total = (phase) => report.iterations.reduce((sum, each) => sum + each[phase], 0) / 1000;
  outcome = {
    nodes: graph.nodeCount,
    classes: graph.classCount,
    stop: report.stop,
    search: total("searchMs"),
    apply: total("applyMs"),
    rebuild: total("rebuildMs"),
  };
}
console.log(JSON.stringify({ ...outcome, seconds, cpuSeconds, peakBytes }));
