// `npm run bench:cpu`: llmir beside llama.cpp on the same GGUF files, threads and machine, in one run,
// alternating.
//
// Both sides are timed in C around calls of their C interfaces (`llmir_step`, `llama_decode`), without
// sampling, each in a process of its own that sleeps while the other runs. Before each pair the bandwidth
// of reading as many bytes as one token needs is probed. Options: `--models`, `--formats`, `--rows`,
// `--threads` (lists with commas), `--rounds N`, `--quick` (two short rounds), `--no-peer`, `--kv-dtype
// FORMAT` (of llmir), `--parts speed,small,busy,agreement`, `--json FILE`. All of it takes hours: `--resume`
// goes on behind the rows that a run which was ended had measured, and `--kept` reports those alone. Models,
// packed weights and the peer (some 20 GB for all) are kept in `$LLMIR_BENCH_CACHE`.

import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { ensureReady, orExit, root } from "../../scripts/bootstrap.mjs";
import { agreement } from "./agreement.mjs";
import { busyTable } from "./busy.mjs";
import { circumstances, machinePeaks } from "./machine.mjs";
import { formats, models } from "./models.mjs";
import { buildPrograms, installPeer, startProgram } from "./programs.mjs";
import { rows as allRows } from "./rows.mjs";
import { smallTable } from "./small.mjs";
import { speedTable } from "./speed.mjs";
import { openUnfinished } from "./unfinished.mjs";

const { values: options } = parseArgs({
  options: {
    models: { type: "string", default: Object.keys(models).join(",") },
    formats: { type: "string", default: Object.keys(formats).join(",") },
    rows: { type: "string", default: Object.keys(allRows).join(",") },
    threads: { type: "string", default: "1,2" },
    rounds: { type: "string", default: "5" },
    parts: { type: "string", default: "speed,small,busy,agreement" },
    quick: { type: "boolean", default: false },
    resume: { type: "boolean", default: false },
    kept: { type: "boolean", default: false },
    "no-peer": { type: "boolean", default: false },
    "kv-dtype": { type: "string" },
    json: { type: "string" },
  },
});

await orExit(ensureReady());
const cache = process.env.LLMIR_BENCH_CACHE ?? join(homedir(), ".cache", "llmir-bench");
mkdirSync(cache, { recursive: true });
// Read when the compiler is imported below: packed weights stay out of the user's own cache.
process.env.LLMIR_CACHE ??= join(cache, "llmir");

const peer = options["no-peer"] ? undefined : installPeer(cache);
const programs = buildPrograms(cache, peer);
const setting = {
  cache,
  programs,
  startPeer: peer && (() => startProgram(programs.peer, [peer.libraries])),
  rounds: options.quick ? 2 : Number(options.rounds),
  quick: options.quick,
  kvDtype: options["kv-dtype"],
  models: pick(options.models, models),
  formats: pick(options.formats, formats),
  rows: pick(options.rows, allRows),
  threads: options.threads.split(",").map(Number),
};
const started = circumstances(root, peer);
const stamp = { commit: started.commit, rounds: setting.rounds };
setting.kept = options.kept;
const { resume, kept } = options;
setting.unfinished = openUnfinished(cache, { resume: resume || kept, kept, stamp });
const peaks = await machinePeaks(programs.probe, setting.threads);
console.log(`${started.machine}, ${started.cores} cores, load ${started.load}`);
console.log(`llmir ${started.commit} beside llama.cpp ${peer?.release ?? "(left out)"}`);
for (const each of peaks) console.log(`peaks, ${each.threads} threads, G operations/s: ${JSON.stringify(each)}`);
const parts = {
  speed: () => speedTable(setting, peaks),
  small: () => smallTable(setting),
  busy: () => busyTable(setting),
  agreement: () => agreement(setting),
};
const report = { bench: "cpu", ...started, rounds: setting.rounds, peaks };
for (const part of pick(options.parts, parts)) report[part] = await parts[part]();
// Of all rows, those before an interruption too.
report.commits = setting.unfinished.values("commit");
report.rounds = Math.min(...setting.unfinished.values("rounds"));

const filters = ["models", "formats", "rows", "threads", "parts", "quick", "no-peer", "kv-dtype"];
const complete = filters.every((name) => !process.argv.includes(`--${name}`));
const file = options.json ?? (complete ? join(root, "bench", "results", `${started.date}-cpu.json`) : undefined);
if (file !== undefined) {
  writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
  console.log(`wrote ${file}`);
  if (!options.kept) setting.unfinished.end();
}

function pick(list, table) {
  const names = list.split(",");
  const unknown = names.find((name) => !Object.hasOwn(table, name));
  if (unknown === undefined) return names;
  console.error(`there is no \`${unknown}\`; known: ${Object.keys(table).join(", ")}`);
  process.exit(2);
}
