// The table of speeds: each cell is a model, a format and a number of threads; its rows are measured on
// both sides in turn, round after round, with a probe of the bandwidth before each pair.

import { join } from "node:path";

import { buildOwn } from "./own.mjs";
import { modelFile, models } from "./models.mjs";
import { awaitQuiet, watched } from "./noise.mjs";
import { startProgram } from "./programs.mjs";
import { capacity, rows, shortRow } from "./rows.mjs";
import { median, spread } from "./statistics.mjs";
import { workOf } from "./work.mjs";

const patienceMs = 15_000;
/** Cores that others may keep busy during a sample; it is taken again where they kept more. */
const bearable = 0.25;
const attempts = 3;

export async function speedTable(setting, peaks) {
  const probe = startProgram(setting.programs.probe);
  const results = [];
  for (const name of setting.models) {
    for (const format of setting.formats) {
      const file = setting.kept ? undefined : await prepareFile(setting, name, format);
      const work = file && workOf(models[name], file);
      for (const threads of setting.threads) {
        const cell = { setting, name, format, threads, file, work, probe };
        results.push(...(await measureCell(cell, peaks.find((each) => each.threads === threads))));
      }
    }
  }
  probe.end();
  return results;
}

/** The file of a model in a format, made when absent. */
export async function prepareFile(setting, name, format) {
  const { planGguf, writeGguf } = await import("../../dist/src/frontend/index.js");
  const { createNodeHost } = await import("../../dist/src/host/index.js");
  const gguf = { planGguf, writeGguf, files: createNodeHost().files };
  if (setting.startPeer === undefined && format !== "BF16") console.error("only llama.cpp makes quantized files");
  return modelFile(name, format, { folder: setting.cache, gguf, peer: setting.startPeer });
}

async function measureCell(cell, peaks) {
  const { setting, name, format, threads, file } = cell;
  let sides;
  const open = async () => {
    const peer = setting.startPeer?.();
    sides = { own: await openOwn(cell), peer };
    await peer?.ask("model", file);
    return sides;
  };
  const measure = async (row) => {
    const measured = await measureRow(cell, row, sides ?? (await open()));
    const result = { model: name, format, threads, row, ...measured };
    return Object.assign(result, shares(result, cell.work, peaks));
  };
  const results = [];
  try {
    for (const row of setting.rows) {
      const result = await setting.unfinished.once([name, format, threads, row].join(" "), () => measure(row));
      if (result === undefined) continue;
      console.log(printed(result));
      results.push(result);
    }
  } finally {
    sides?.own?.end();
    sides?.peer?.end();
  }
  return results;
}

/** Undefined, having said why, where llmir cannot build the model. */
async function openOwn({ setting, file, threads }) {
  try {
    return await buildOwn(setting.programs.own, file, { ...capacity, threads, kvDtype: setting.kvDtype });
  } catch (error) {
    console.log(`llmir cannot run ${file}: ${error.message}`);
    return undefined;
  }
}

export async function measureRow({ setting, name, format, threads, work, probe }, row, { own, peer }) {
  const { command, tokens, sequences, context, depth } = row === "short" ? shortRow : rows[row];
  const { quick, rounds } = setting;
  const state = depth === undefined ? "-" : join(setting.cache, `${name}-${format}-${depth}.state`);
  await peer?.ask("context", context, sequences);
  await peer?.ask("threads", threads);
  const sides = {
    own: own && ((words) => own.ask(...words)),
    peer: peer && ((words) => peer.ask(...words, ...(words[0] === "decode" ? [state] : []))),
  };
  // Warms up: pages, caches, the deep context.
  for (const ask of Object.values(sides)) await ask?.(command(true));
  const samples = { own: [], peer: [], bandwidth: [] };
  for (let round = 0; round < rounds; round++) {
    if (!quick) await awaitQuiet(threads, patienceMs);
    samples.bandwidth.push((await probe.ask("read", threads, Math.ceil(work.bytes / 2 ** 20))).median);
    for (const side of round % 2 === 0 ? ["own", "peer"] : ["peer", "own"]) {
      const measure = sides[side] && (() => sides[side](command(quick)));
      if (measure !== undefined) samples[side].push(await sampleOf(measure, setting, threads));
    }
  }
  return summarize(samples, tokens(quick));
}

/** The least disturbed of up to some attempts, the first that is bearable. */
async function sampleOf(measure, { quick }, threads) {
  const samples = [];
  do {
    if (samples.length > 0) await awaitQuiet(threads, patienceMs);
    samples.push(await watched(measure));
  } while (!quick && samples.at(-1).foreign > bearable && samples.length < attempts);
  return samples.sort((a, b) => a.foreign - b.foreign)[0];
}

function summarize({ own, peer, bandwidth }, tokens) {
  const rate = ({ seconds }) => tokens / seconds;
  const foreign = [...own, ...peer].map((each) => each.foreign);
  const side = (samples) => (samples.length === 0 ? undefined : spread(samples.map(rate)));
  const result = { own: side(own), peer: side(peer), bandwidth: median(bandwidth), foreign: median(foreign) };
  const cpu = (samples) => median(samples.map((each) => each.cpu));
  const isPair = own.length > 0 && peer.length > 0;
  // Of processor time: on a machine that is busy with others it says more than the clock.
  return isPair
    ? { ...result, ratio: result.own.median / result.peer.median, cpuRatio: cpu(peer) / cpu(own) }
    : result;
}

/** How much of the machine's limit was reached: read bandwidth where one token is decoded, else products. */
function shares({ row, own, peer, bandwidth }, work, peaks) {
  if (row === "decode" || row === "deep") {
    const bytes = row === "deep" ? work.bytes + work.cacheBytes(rows.deep.depth) : work.bytes;
    const share = (side) => side && (side.median * bytes) / (bandwidth * 1e9);
    return { limit: "bandwidth", ownShare: share(own), peerShare: share(peer) };
  }
  if (row !== "prefill") return {};
  const kind = work.isInteger ? "Int8" : "Bf16";
  const share = (side, peak) => side && peak && (side.median * work.operations) / (peak * 1e9);
  return {
    limit: `vector${kind}`,
    ownShare: share(own, peaks[`vector${kind}`]), peerShare: share(peer, peaks[`vector${kind}`]),
    ownTileShare: share(own, peaks[`tile${kind}`]), peerTileShare: share(peer, peaks[`tile${kind}`]),
  };
}

function printed({ own, peer, ratio, ownShare, peerShare, ...rest }) {
  const { model, format, threads, row, bandwidth, foreign } = rest;
  const rate = (side) => (side === undefined ? "-" : `${side.median.toPrecision(4)} (${side.least.toPrecision(3)}…${side.most.toPrecision(3)})`);
  const percent = (share) => (share === undefined ? "" : ` ${(100 * share).toFixed(0)}%`);
  const cells = [
    model.padEnd(15), format.padEnd(7), `${threads}T`, row.padEnd(8),
    `llmir ${rate(own)}${percent(ownShare)}`.padEnd(36), `llama.cpp ${rate(peer)}${percent(peerShare)}`.padEnd(40),
    ratio === undefined ? "" : `${ratio.toFixed(2)}x (cpu ${rest.cpuRatio.toFixed(2)}x)`, `${bandwidth.toFixed(1)} GB/s`, `others ${foreign.toFixed(2)}`,
    rest.peerTileShare === undefined ? "" : `tiles:${percent(rest.ownTileShare)} /${percent(rest.peerTileShare)}`,
  ];
  return cells.join("  ");
}
