// Whether both sides say the same: the likeliest continuation of a small trained model in f32, the
// likeliest token of each of a thousand positions in Q8_0, and how far both sides' logits are from a
// reference in binary64.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { buildOwn } from "./own.mjs";
import { referenceLogits } from "./reference.mjs";
import { storiesFile, storiesForms } from "./small.mjs";

const windows = 5;
const windowTokens = 200;
const greedyTokens = 250;

/** Undefined, having said so, where the model is absent. */
export async function agreement(setting) {
  if (setting.startPeer === undefined || !existsSync(storiesFile)) {
    console.log("agreement is left out: it needs llama.cpp and the stories260K model");
    return undefined;
  }
  const files = await storiesForms(setting);
  const texts = await tokenWindows(setting);
  const result = { greedy: await sameText(setting, files.F32, texts[0]), forms: [] };
  console.log(`greedy, f32: ${result.greedy.same} of ${greedyTokens} tokens agree from the start`);
  for (const format of ["F32", "Q8_0", "Q4_0"]) {
    const form = { format, ...(await compareLogits(setting, files[format], texts)) };
    const percent = (100 * form.sameTop) / form.positions;
    console.log(
      `${format}: top token agrees at ${form.sameTop} of ${form.positions} positions (${percent.toFixed(1)} %); ` +
        `distance from binary64: llmir ${form.own.toExponential(2)}, llama.cpp ${form.peer.toExponential(2)}; ` +
        `between them ${form.between.toExponential(2)}; top token of binary64: llmir ${form.ownTop}, ` +
        `llama.cpp ${form.peerTop}`,
    );
    result.forms.push(form);
  }
  return result;
}

/** Token ids of a text that the model was trained for, after the token that begins a text. */
async function tokenWindows({ cache }) {
  const { loadTokenizer } = await import("../../dist/src/runtime/index.js");
  const { createNodeHost } = await import("../../dist/src/host/index.js");
  const text = readFileSync(join(storiesFile, "../../eval-text/tinystories-valid-first.txt"), "utf8");
  const tokenizer = loadTokenizer(storiesFile, createNodeHost().files);
  if (!tokenizer.ok) throw new Error("the tokenizer of the file cannot be read");
  const ids = tokenizer.value.encode(text.slice(0, 8 * windows * windowTokens));
  return Array.from({ length: windows }, (_, i) => {
    const first = tokenizer.value.bosId ?? 1;
    const tokens = [first, ...ids.slice(1 + i * (windowTokens - 1), 1 + (i + 1) * (windowTokens - 1))];
    const path = join(cache, `tokens-${i}.txt`);
    writeFileSync(path, `${tokens.join("\n")}\n`);
    return { tokens, path };
  });
}

async function bothSides(setting, file, work) {
  const capacity = { contextLength: 512, maxTokens: 512, maxSequences: 1 };
  const own = await buildOwn(setting.programs.own, file, { ...capacity, threads: 1 });
  const peer = setting.startPeer();
  try {
    await peer.ask("model", file);
    await peer.ask("context", 512, 1);
    await peer.ask("threads", 1);
    return [await work(own, "own"), await work(peer, "peer")];
  } finally {
    own.end();
    peer.end();
  }
}

async function sameText(setting, file, { tokens }) {
  const start = join(setting.cache, "tokens-start.txt");
  writeFileSync(start, `${tokens.slice(0, 8).join("\n")}\n`);
  const [own, peer] = await bothSides(setting, file, async (side, name) => {
    const output = join(setting.cache, `greedy-${name}.txt`);
    await side.ask("greedy", start, greedyTokens, output);
    return readFileSync(output, "utf8").trim().split("\n");
  });
  const differs = own.findIndex((each, i) => each !== peer[i]);
  return { tokens: greedyTokens, same: differs < 0 ? own.length : differs };
}

async function compareLogits(setting, file, texts) {
  const logits = (side, name) => allLogits(setting, side, { name, texts });
  const [own, peer] = await bothSides(setting, file, logits);
  const reference = await referenceOf(file, texts);
  return {
    positions: own.length,
    sameTop: sameTop(own, peer),
    ownTop: sameTop(own, reference),
    peerTop: sameTop(peer, reference),
    between: distance(own, peer),
    own: distance(own, reference),
    peer: distance(peer, reference),
  };
}

async function allLogits({ cache }, side, { name, texts }) {
  const rows = [];
  for (const { tokens, path } of texts) {
    const output = join(cache, `logits-${name}.bin`);
    await side.ask("logits", path, output);
    const numbers = new Float32Array(new Uint8Array(readFileSync(output)).buffer);
    const width = numbers.length / tokens.length;
    tokens.forEach((_, i) => rows.push(numbers.subarray(i * width, (i + 1) * width)));
  }
  return rows;
}

async function referenceOf(file, texts) {
  const { importModel } = await import("../../dist/src/frontend/index.js");
  const { createNodeHost } = await import("../../dist/src/host/index.js");
  const imported = importModel(file, createNodeHost().files, { blockSize: 16 });
  if (!imported.ok) throw new Error("the file cannot be imported");
  try {
    return texts.flatMap(({ tokens }) => referenceLogits(imported.value, tokens));
  } finally {
    imported.value.weights.close();
  }
}

/** At how many positions the likeliest token is the same. */
function sameTop(rows, others) {
  return rows.filter((row, i) => largest(row) === largest(others[i])).length;
}

function largest(row) {
  return row.reduce((best, each, i) => (each > row[best] ? i : best), 0);
}

/** Root mean square of the difference over that of the reference. */
function distance(rows, reference) {
  let [difference, size] = [0, 0];
  rows.forEach((row, i) => {
    row.forEach((each, j) => {
      difference += (each - reference[i][j]) ** 2;
      size += reference[i][j] ** 2;
    });
  });
  return Math.sqrt(difference / size);
}

