// `npm run bench:kernels`: products of the C target alone, on weights far larger than the caches, in turns
// with a probe of the bandwidth: what a kernel does before whole models hide it. Options: `--formats
// q8,q4,q4_k,q6_k,bf16`, `--shapes 2048x8192,8192x2048` (rows x columns), `--tokens 1,2,4,8,16,512`,
// `--threads 1`, `--rounds 9`.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { ensureReady, orExit, root } from "../../scripts/bootstrap.mjs";
import { buildPrograms, startProgram } from "../cpu/programs.mjs";
import { median } from "../cpu/statistics.mjs";

const { values: options } = parseArgs({
  options: {
    formats: { type: "string", default: "q8,q4,q4_k,q6_k,bf16" },
    shapes: { type: "string", default: "2048x8192,8192x2048" },
    tokens: { type: "string", default: "1,2,4,8,16,512" },
    threads: { type: "string", default: "1" },
    rounds: { type: "string", default: "9" },
  },
});

/** The formats of GGML that models are stored in most, and floats. */
const quads = {
  q8: { bits: 8, group: 32 },
  q4: { bits: 4, group: 32 },
  q4_k: { bits: 4, group: 32, superGroup: 256, minimums: true },
  q6_k: { bits: 6, group: 16, superGroup: 256 },
};

await orExit(ensureReady());
const { kernels } = await import("../../dist/backends/c/kernels.js");
const { compileForMachine } = await import("../../dist/backends/c/build.js");
const { quadType, rowBytes: codesBytes } = await import("../../dist/backends/c/quads.js");
const { narrowRow, pairsType } = await import("../../dist/backends/c/pairs.js");
const { createNodeHost } = await import("../../dist/src/host/index.js");
const { tensor, typeBytes } = await import("../../dist/src/ir/index.js");

/** A kernel's file, its defines and its call, as an emitted program has them. */
function productOf(format, [rows, columns]) {
  const isFloat = format === "bf16";
  const w = isFloat ? pairsType([rows, columns]) : quadType(quads[format], [rows, columns]);
  const x = isFloat ? tensor("bf16", "T", narrowRow(rows)) : tensor("u8", "T", codesBytes(rows, quads[format].group));
  const row = kernels.find(({ name }) => name === (isFloat ? "c.narrow_matmul" : "c.integer_matmul"));
  const argument = (text, type) => ({ text, type });
  const instance = row.instance([x, w], {}, tensor("f32", "T", columns));
  const args = instance.call([argument("x", x), argument("weights", w)], argument("out"), () => "tokens");
  const rowBytes = typeBytes(x, { T: 1 });
  return { ...instance, args, bytes: typeBytes(w), rowBytes, rows, columns, title: `${format} ${rows}x${columns}` };
}

function printProgram(products) {
  const includes = products.map(({ name, file, defines, args }, i) => [
    `#define NAME ${name}`, ...defines.map(([key, value]) => `#define ${key} ${value}`), `#include "kernels/${file}"`,
    `static void product_${i}(const Worker *worker, int32_t tokens, const void *x, const void *weights, float *out) {`,
    `  ${name}(worker, ${args.join(", ")});`, "}",
  ].join("\n"));
  const rows = products.map(({ bytes, rowBytes, columns }, i) => `{product_${i}, ${bytes}, ${rowBytes}, ${4 * columns}},`);
  const text = ['#include "kernels.h"', ...includes, `static const Product products[] = {${rows.join("\n")}};`, '#include "main.h"'];
  return `${text.join("\n")}\n`;
}

const shapes = options.shapes.split(",").map((shape) => shape.split("x").map(Number));
const products = options.formats.split(",").flatMap((format) => shapes.map((shape) => productOf(format, shape)));
const folder = mkdtempSync(join(tmpdir(), "llmir-bench-kernels-"));
try {
  writeFileSync(join(folder, "products.c"), printProgram(products));
  const includes = ["backends/c", "bench/kernels", "bench/cpu/programs"].map((path) => `-I${join(root, path)}`);
  const program = join(folder, "products");
  const sources = [join(folder, "products.c"), join(root, "backends/c/runtime/pool.c")];
  console.error("compiling");
  await compileForMachine(createNodeHost(), folder, [...includes, ...sources, "-o", program, "-pthread", "-lm"]);
  await measureAll(startProgram(program), startProgram(buildPrograms(folder, undefined).probe));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measureAll(kernel, probe) {
  console.log("product           tokens  threads    GB/s  of the bandwidth  G operations/s");
  for (const threads of options.threads.split(",").map(Number)) {
    for (const [i, product] of products.entries()) {
      for (const tokens of options.tokens.split(",").map(Number)) {
        console.log(await measure({ kernel, probe, threads, tokens, product, index: i }));
      }
    }
  }
  kernel.end();
  probe.end();
}

async function measure({ kernel, probe, threads, tokens, product, index }) {
  const { title, bytes, rows, columns } = product;
  const [rates, bandwidths] = [[], []];
  await kernel.ask("run", index, tokens, threads);
  for (let round = 0; round < Number(options.rounds); round++) {
    bandwidths.push((await probe.ask("read", threads, 256)).median);
    const { seconds, passes } = await kernel.ask("run", index, tokens, threads);
    rates.push(passes / seconds);
  }
  const [rate, bandwidth] = [median(rates), median(bandwidths)];
  const cells = [
    title.padEnd(16), String(tokens).padStart(7), String(threads).padStart(8),
    ((rate * bytes) / 1e9).toFixed(1).padStart(7),
    `${((rate * bytes) / 1e7 / bandwidth).toFixed(0)} %`.padStart(17),
    ((2 * rate * rows * columns * tokens) / 1e9).toFixed(0).padStart(15),
  ];
  return cells.join(" ");
}
