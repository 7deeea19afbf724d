// Decoding beside a program that never stops: one busy loop of equal priority. Threads that wait for a thread
// which the machine has put aside would be slower than one thread alone.

import { spawn } from "node:child_process";
import { cpus } from "node:os";

import { prepareFile } from "./speed.mjs";
import { buildOwn } from "./own.mjs";
import { awaitQuiet } from "./noise.mjs";
import { capacity } from "./rows.mjs";
import { spread } from "./statistics.mjs";

const tokens = 64;

/** Tokens/s of one thread and of all, alone and beside the loop; of the first model and its 4-bit form. */
export async function busyTable(setting) {
  const [name] = setting.models;
  const format = setting.formats.includes("Q4_0") ? "Q4_0" : setting.formats[0];
  const file = await prepareFile(setting, name, format);
  const most = cpus().length;
  const rows = [];
  for (const threads of [1, most]) {
    const own = await buildOwn(setting.programs.own, file, { ...capacity, threads });
    const peer = setting.startPeer?.();
    await peer?.ask("model", file);
    await peer?.ask("context", 1024, 1);
    await peer?.ask("threads", threads);
    for (const busy of [false, true]) {
      const result = await setting.unfinished.once(`busy ${name} ${format} ${threads} ${busy}`, () =>
        measure({ own, peer }, { threads, busy, rounds: setting.rounds }),
      );
      if (result === undefined) continue;
      const beside = busy ? "beside a busy loop" : "alone";
      console.log(`${name} ${format}, ${threads} threads, ${beside}: ${printed(result)}`);
      rows.push({ model: name, format, threads, busy, ...result });
    }
    own.end();
    peer?.end();
  }
  return rows;
}

async function measure({ own, peer }, { threads, busy, rounds }) {
  const sides = {
    own: () => own.ask("decode", tokens, 0),
    peer: peer && (() => peer.ask("decode", tokens, 0, "-")),
  };
  const rates = { own: [], peer: [] };
  for (const ask of Object.values(sides)) await ask?.();
  if (!busy) await awaitQuiet(threads, 15_000);
  const loop = busy ? spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }) : undefined;
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [side, ask] of Object.entries(sides)) {
        if (ask !== undefined) rates[side].push(tokens / (await ask()).seconds);
      }
    }
  } finally {
    loop?.kill("SIGKILL");
  }
  return { own: spread(rates.own), peer: rates.peer.length === 0 ? undefined : spread(rates.peer) };
}

function printed({ own, peer }) {
  const rate = (side) => (side === undefined ? "-" : `${side.median.toPrecision(3)} (${side.least.toPrecision(3)}…${side.most.toPrecision(3)})`);
  return `llmir ${rate(own)}, llama.cpp ${rate(peer)} tokens/s`;
}
