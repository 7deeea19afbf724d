// `npm run bench:tokens`: how fast the model of examples/tiny-stories reads and writes, beside what the cost
// model predicts. The question: does a prediction order the variants as the clock does?
//
// Variants are measured in turn, round after round, so that a busy machine slows all alike. Writes
// bench/results/<date>-tokens.json; README's table is made from the newest one (`npm run docs`).

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { ensureReady, orExit } from "../../scripts/bootstrap.mjs";

await orExit(ensureReady());
const { compile, load } = await import("llmir");

const root = fileURLToPath(new URL("../../", import.meta.url));
const path = join(root, "examples", "tiny-stories");
const prompt = "One day, a little girl named Lily";
const rounds = 7;
const newTokens = 120;
const variants = ["none", "q8", "q4"].flatMap((quantize) => [1, 2].map((threads) => ({ quantize, threads })));

const load1 = loadavg()[0];
const models = [];
for (const options of variants) models.push({ options, model: await load(path, options), samples: [] });
for (let round = -1; round < rounds; round++) {
  for (const { model, samples } of models) {
    const sample = await measure(model);
    // The first round only warms up.
    if (round >= 0) samples.push(sample);
  }
}
const rows = models.map(({ options, samples }) => {
  return { ...options, ...predict(options), ...summarize(samples) };
});
for (const { model } of models) await model.close();

const date = new Date().toISOString().slice(0, 10);
const file = join(root, "bench", "results", `${date}-tokens.json`);
const report = { bench: "tokens", date, ...circumstances(), prompt, newTokens, rounds, rows };
mkdirSync(join(root, "bench", "results"), { recursive: true });
writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
console.table(rows);
console.log(`wrote ${file}`);

/** Time to the first new token, and from there to the last. */
async function measure(model) {
  const pieces = model.generate(prompt, { maxTokens: newTokens });
  const started = performance.now();
  let first;
  for (;;) {
    const { done, value } = await pieces.next();
    first ??= performance.now();
    if (!done) continue;
    const seconds = (performance.now() - first) / 1000;
    const reading = (first - started) / 1000;
    return { prompt: value.promptTokens / reading, generation: (value.newTokens - 1) / seconds };
  }
}

function summarize(samples) {
  const generation = samples.map((each) => each.generation).sort((a, b) => a - b);
  return {
    promptTokensPerSecond: median(samples.map((each) => each.prompt)),
    tokensPerSecond: median(generation),
    slowest: generation[0],
    fastest: generation.at(-1),
  };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function predict(options) {
  const result = compile(path, options);
  if (!result.ok) throw new Error(result.diagnostics[0].message);
  const { scenarios, weights } = result.value.plan;
  const decode = scenarios.find(({ name }) => name === "decode");
  return { weightBytes: weights.sizeBytes, predictedTokensPerSecond: 1e9 / decode.predictedNs };
}

function circumstances() {
  const git = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" });
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const [first] = cpus();
  const commit = (git.stdout ?? "").trim();
  const machine = { machine: first?.model ?? "unknown", cores: cpus().length, loadBefore: load1 };
  return { ...machine, node: process.version, version, commit };
}
