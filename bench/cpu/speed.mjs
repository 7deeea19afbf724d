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

export async function speedTable(setting, peaks) {
  const probe = startProgram(setting.programs.probe);
  const results = [];
  for (const name of setting.models) {
    for (const format of setting.formats) {
      const file = await prepareFile(setting, name, format);
      if (file === undefined) continue;
      const work = workOf(models[name], file);
      for (const threads of setting.threads) {
        const cell = { setting, name, format, threads, file, work, probe };
        const found = await measureCell(cell, peaks.find((each) => each.threads === threads));
        results.push(...found);
      }
    }
  }
  probe.end();
  return results;
}

async function prepareFile(setting, name, format) {
  const { planGguf, writeGguf } = await import("../../dist/src/frontend/index.js");
  const { createNodeHost } = await import("../../dist/src/host/index.js");
  const gguf = { planGguf, writeGguf, files: createNodeHost().files };
  if (setting.startPeer === undefined && format !== "BF16") console.error("only llama.cpp makes quantized files");
  return modelFile(name, format, { folder: setting.cache, gguf, peer: setting.startPeer });
}

async function measureCell(cell, peaks) {
  const { setting, name, format, threads, file } = cell;
  const own = await openOwn(cell);
  const peer = setting.startPeer?.();
  const results = [];
  try {
    await peer?.ask("model", file);
    for (const row of setting.rows) {
      const result = { model: name, format, threads, row, ...(await measureRow(cell, row, { own, peer })) };
      Object.assign(result, shares(result, cell.work, peaks));
      console.log(printed(result));
      results.push(result);
    }
  } finally {
    own?.end();
    peer?.end();
  }
  return results;
}

/** Undefined, having said why, where llmir cannot build the model. */
async function openOwn({ setting, file, threads }) {
  try {
    return await buildOwn(setting.programs.own, file, { ...capacity, threads });
  } catch (error) {
    console.log(`llmir cannot run ${file}: ${error.message}`);
    return undefined;
  }
}

export async function measureRow({ setting, name, format, threads, work, probe }, row, { own, peer }) {
  const { command, tokens, sequences, context, depth } = row === "short" ? shortRow : rows[row];
  const { quick, rounds } = setting;
  const words = command(quick);
  const state = depth === undefined ? "-" : join(setting.cache, `${name}-${format}-${depth}.state`);
  await peer?.ask("context", context, sequences);
  await peer?.ask("threads", threads);
  const sides = {
    own: own && (() => own.ask(...words)),
    peer: peer && (() => peer.ask(...words, ...(words[0] === "decode" ? [state] : []))),
  };
  const samples = { own: [], peer: [], bandwidth: [] };
  // The first round only warms up: pages, caches, the deep context.
  for (let round = -1; round < rounds; round++) {
    if (!quick) await awaitQuiet(threads, patienceMs);
    if (round >= 0) samples.bandwidth.push((await probe.ask("read", threads, Math.ceil(work.bytes / 2 ** 20))).median);
    for (const side of round % 2 === 0 ? ["own", "peer"] : ["peer", "own"]) {
      const sample = sides[side] && (await watched(sides[side]));
      if (round >= 0 && sample !== undefined) samples[side].push(sample);
    }
  }
  return summarize(samples, tokens(quick));
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
