// `npm run bench:egraph`: the workloads in this engine and, where `cargo` is present, in egg, alternating.
//
// Each row runs in a process of its own, so that peak memory (of its first run) and warm-up are its own: the
// first run is reported as well as the median of the second half of the runs, the steady ones. Times are
// wall time; `cpu` is the
// ratio of processor times, which a busy machine disturbs less. Options: `--rows W2b,W2c`, `--rounds N`
// (alternations, 1), `--no-egg`, `--explain` (adds the cost of explanations on W1b and W2b), `--extract`
// (adds the table of extractors on `bench/instances`), `--models` (adds the optimizer on Llama graphs),
// `--engine FILE` (another build), `--json FILE`.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { ensureReady, orExit } from "../../scripts/bootstrap.mjs";
import { rulesOf, WORKLOADS } from "./workloads.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const { values: options } = parseArgs({
  options: {
    rows: { type: "string" },
    rounds: { type: "string", default: "1" },
    "no-egg": { type: "boolean", default: false },
    explain: { type: "boolean", default: false },
    extract: { type: "boolean", default: false },
    models: { type: "boolean", default: false },
    engine: { type: "string" },
    json: { type: "string" },
  },
});

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

function geometricMean(values) {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Builds the peer; undefined, having said why, where that cannot be. */
function buildEgg() {
  if (options["no-egg"]) return undefined;
  if (spawnSync("cargo", ["--version"]).status !== 0) {
    console.log("egg is left out: there is no cargo here");
    return undefined;
  }
  const target = join(root, "build/egg-peer");
  mkdirSync(target, { recursive: true });
  const build = spawnSync("cargo", ["build", "--release", "--quiet"], {
    cwd: join(root, "bench/peers/egg"),
    env: { ...process.env, CARGO_TARGET_DIR: target },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (build.status === 0) return join(target, "release/egg-peer");
  console.log("egg is left out: its peer program does not build");
  return undefined;
}

function runHere(row, flags = []) {
  const engine = options.engine === undefined ? [] : ["--engine", options.engine];
  const args = [join(here, "row.mjs"), row.id, String(row.runs), ...engine, ...flags];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" }));
}

function runEgg(egg, row, folder) {
  const file = join(folder, row.rules);
  writeFileSync(file, rulesOf(row.rules).map((rule) => rule.join("|")).join("\n"));
  const mode = row.backoff ? "backoff" : "simple";
  const args = [file, mode, String(row.iterations), String(row.runs)];
  return JSON.parse(execFileSync(egg, args, { input: row.start.join("\n"), encoding: "utf8" }));
}

/** One side of a row over all rounds. */
function summary(rounds) {
  const steady = (key) => median(rounds.flatMap((round) => round[key].slice(round[key].length >> 1)));
  return {
    nodes: rounds[0].nodes,
    classes: rounds[0].classes,
    stop: rounds[0].stop,
    firstSeconds: median(rounds.map((round) => round.seconds[0])),
    seconds: steady("seconds"),
    cpuSeconds: steady("cpuSeconds"),
    peakBytes: median(rounds.map((round) => round.peakBytes)),
    phases: ["search", "apply", "rebuild"].map((phase) => median(rounds.map((round) => round[phase]))),
  };
}

function isExact(row, side) {
  return side.nodes === row.nodes && side.classes === row.classes;
}

const ms = (seconds) => `${(seconds * 1000).toFixed(seconds < 0.1 ? 1 : 0)}`;
const mb = (bytes) => `${(bytes / 1e6).toFixed(0)}`;

function printRow(row, { here: ours, egg: theirs }) {
  const counts = isExact(row, ours) && (theirs === undefined || isExact(row, theirs)) ? "equal" : "DIFFER";
  const cells = [row.id, counts, ms(ours.seconds), ms(ours.firstSeconds), mb(ours.peakBytes)];
  if (theirs !== undefined) {
    cells.push(ms(theirs.seconds), mb(theirs.peakBytes));
    for (const key of ["seconds", "firstSeconds", "cpuSeconds", "peakBytes"]) {
      cells.push((ours[key] / theirs[key]).toFixed(2));
    }
  }
  console.log(cells.map((cell, i) => (i < 2 ? cell.padEnd(7) : cell.padStart(9))).join(""));
}

function printGoals(results) {
  const goals = results.filter(({ row, egg }) => row.goal && egg !== undefined);
  if (goals.length === 0) return;
  const ratio = ({ here: ours, egg }) => ours.seconds / egg.seconds;
  const first = ({ here: ours, egg }) => ours.firstSeconds / egg.firstSeconds;
  const cpu = ({ here: ours, egg }) => ours.cpuSeconds / egg.cpuSeconds;
  const mean = (of) => geometricMean(goals.map(of)).toFixed(2);
  console.log(
    `\ngeometric mean over ${goals.map(({ row }) => row.id).join(" ")}: ${mean(ratio)} of egg's wall time ` +
      `(first runs ${mean(first)}, processor time ${mean(cpu)}); goal 0.40`,
  );
}

function runExplanations() {
  for (const id of ["W2b", "W1b"]) {
    const row = WORKLOADS.find((each) => each.id === id);
    const off = summary([runHere(row)]);
    const on = summary([runHere(row, ["--explain"])]);
    const ratio = (on.seconds / off.seconds).toFixed(2);
    console.log(`explanations on ${id}: ${ms(off.seconds)} ms off, ${ms(on.seconds)} ms on, ratio ${ratio}`);
  }
}

await orExit(options.engine === undefined ? ensureReady() : Promise.resolve());
const egg = buildEgg();
const folder = mkdtempSync(join(tmpdir(), "bench-egraph-"));
const load = loadavg()[0].toFixed(1);
console.log(`${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, node ${process.version}, load ${load}`);
const columns = ["steady ms", "first ms", "peak MB"];
const eggColumns = ["egg ms", "egg MB", "ratio", "first", "cpu", "memory"];
const heading = [...columns, ...(egg === undefined ? [] : eggColumns)].map((name) => name.padStart(9));
console.log(`${"row".padEnd(7)}${"counts".padEnd(7)}${heading.join("")}`);
const results = [];
const wanted = options.rows?.split(",");
for (const row of WORKLOADS.filter(({ id }) => wanted?.includes(id) ?? true)) {
  const rounds = { here: [], egg: [] };
  for (let round = 0; round < Number(options.rounds); round++) {
    rounds.here.push(runHere(row));
    if (egg !== undefined) rounds.egg.push(runEgg(egg, row, folder));
  }
  const result = { here: summary(rounds.here), egg: egg === undefined ? undefined : summary(rounds.egg) };
  printRow(row, result);
  results.push({ row, ...result });
}
printGoals(results);
if (options.explain) runExplanations();
if (options.extract) {
  const { extractionTable } = await import("./extraction-table.mjs");
  console.log(`\n${await extractionTable(options.engine ?? "llmir/egraph-ts")}`);
}
if (options.models) {
  const { modelTable } = await import("./models.mjs");
  console.log(`\n${await modelTable()}`);
}
rmSync(folder, { recursive: true });
if (options.json !== undefined) {
  const rows = results.map(({ row, ...sides }) => ({ id: row.id, ...sides }));
  const machine = { cpu: cpus()[0]?.model, count: cpus().length, node: process.version, load: Number(load) };
  writeFileSync(options.json, `${JSON.stringify({ date: new Date().toISOString(), machine, rows }, undefined, 2)}\n`);
}
