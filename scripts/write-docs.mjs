// `npm run docs`: writes what documents take from the program and from measurements. With `--check` it writes
// nothing and fails when a document is out of date.
//
// docs/diagnostics.md is the catalogue of codes. README.md has tables, between marks, from the newest results
// of `npm run bench:tokens` and `npm run bench:cpu`.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ensureReady, orExit, root } from "./bootstrap.mjs";
import { cpuTables } from "./cpu-tables.mjs";

await orExit(ensureReady());
const { catalogue } = await import("../dist/src/diagnostics/index.js");

const documents = [
  { file: "docs/diagnostics.md", text: diagnosticsPage() },
  { file: "README.md", text: readmeWithTable() },
];
const stale = documents.filter(({ file, text }) => read(file) !== text);

if (process.argv.includes("--check")) {
  for (const { file } of stale) console.error(`${file} is out of date; \`npm run docs\` writes it anew`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const { file, text } of stale) {
    writeFileSync(join(root, file), text);
    console.log(`wrote ${file}`);
  }
}

function read(file) {
  const path = join(root, file);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function diagnosticsPage() {
  const titles = {
    command: "The command line and the library",
    ir: "The text form of the IR",
    model: "Model folders",
    plan: "The optimizer and the planner",
    rule: "The rule language",
    target: "Targets",
  };
  const codes = Object.entries(catalogue);
  const areas = [...new Set(codes.map(([code]) => code.split("/")[0]))].sort();
  const sections = areas.map((area) => {
    const rows = codes
      .filter(([code]) => code.startsWith(`${area}/`))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([code, { severity, meaning }]) => `### \`${code}\`\n\n${severity === "warning" ? "Warning. " : ""}${meaning}\n`);
    return `## ${titles[area] ?? area}\n\n${rows.join("\n")}`;
  });
  return `# Diagnostics

Every code that llmir prints, with what it means. The message beside a code says what was found, where, and
usually what to write instead. With \`--json\` the command prints them as \`{"diagnostics": […]}\` on stderr.

This page is written by \`npm run docs\` from \`src/diagnostics/codes/\`.

${sections.join("\n")}`;
}

function readmeWithTable() {
  const text = read("README.md");
  const tables = { tokens: tokensTable, cpu: () => cpuTables(newestResult("cpu")) };
  return Object.entries(tables).reduce((page, [bench, table]) => {
    const marks = new RegExp(`(<!-- bench:${bench}:begin -->\\n)[^]*(<!-- bench:${bench}:end -->)`);
    return page.replace(marks, (_, begin, end) => `${begin}${table()}${end}`);
  }, text);
}

/** Of a bench, or undefined. */
function newestResult(bench) {
  const folder = join(root, "bench", "results");
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(`-${bench}.json`)).sort() : [];
  const newest = names.at(-1);
  return newest === undefined ? undefined : JSON.parse(readFileSync(join(folder, newest), "utf8"));
}

function tokensTable() {
  const report = newestResult("tokens");
  if (report === undefined) return "";
  const { machine, cores, loadBefore, date, rounds, newTokens, rows } = report;
  const lines = rows.map((row) => {
    const mebibytes = (row.weightBytes / 2 ** 20).toFixed(2);
    const spread = `${rounded(row.slowest)} … ${rounded(row.fastest)}`;
    const speeds = [rounded(row.tokensPerSecond), spread, rounded(row.predictedTokensPerSecond)];
    return `| ${[row.quantize, row.threads, mebibytes, ...speeds].join(" | ")} |`;
  });
  return [
    "| weights | threads | MiB packed | tokens/s | slowest … fastest | predicted |",
    "|---|---:|---:|---:|---:|---:|",
    ...lines,
    "",
    `Median of ${rounds} rounds of ${newTokens} new tokens, sampling and text included; ${machine}, ${cores} cores,`,
    `${date}, with ${loadBefore.toFixed(1)} other programs running when it began (threads that share a core wait for`,
    "each other). Printed by `npm run bench:tokens`. The prediction is for a context of 512 and the kernels alone.",
    "",
  ].join("\n");
}

/** Three digits. */
function rounded(value) {
  return Number(value.toPrecision(3)).toLocaleString("en-US");
}
