// Latency per token of real small models, where what surrounds the products decides: barriers, calls, norms.

import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { formats } from "./models.mjs";
import { buildOwn } from "./own.mjs";
import { measureRow } from "./speed.mjs";
import { startProgram } from "./programs.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Reference material that may be absent. */
const sharedModels = process.env.LLMIR_SHARED_MODELS ?? join(root, "../shared/models");
export const storiesFile = join(sharedModels, "stories260K-hf/stories260K-f32.gguf");

/** The model as it is, and in the formats that llama.cpp makes of it. */
export async function storiesForms(setting) {
  const files = { F32: storiesFile };
  for (const format of ["Q8_0", "Q4_0"]) {
    files[format] = await quantized(setting, storiesFile, `stories260K-${format}`, format);
  }
  return files;
}

async function quantized({ cache, startPeer }, from, name, format) {
  const path = join(cache, `${name}.gguf`);
  if (existsSync(path)) return path;
  const peer = startPeer();
  await peer.ask("quantize", from, `${path}.part`, formats[format], 1);
  peer.end();
  renameSync(`${path}.part`, path);
  return path;
}

/** The model of examples/ as a file. */
async function embedded({ cache }) {
  const path = join(cache, "tiny-stories.gguf");
  if (existsSync(path)) return path;
  const { convertModel } = await import("../../dist/src/runtime/index.js");
  const { createNodeHost } = await import("../../dist/src/host/index.js");
  const written = convertModel(createNodeHost().files, { model: join(root, "examples/tiny-stories"), output: path });
  if (!written.ok) throw new Error(written.diagnostics.map((each) => each.message).join("; "));
  return path;
}

export async function smallTable(setting) {
  if (setting.startPeer === undefined) return [];
  const files = { "tiny-stories": await embedded(setting) };
  files["tiny-stories Q8_0"] = await quantized(setting, files["tiny-stories"], "tiny-stories-Q8_0", "Q8_0");
  if (existsSync(storiesFile)) {
    const forms = await storiesForms(setting);
    for (const [format, file] of Object.entries(forms)) files[`stories260K ${format}`] = file;
  } else console.log("stories260K is left out: the file is absent");
  const probe = startProgram(setting.programs.probe);
  const results = [];
  for (const [name, file] of Object.entries(files)) {
    for (const threads of setting.threads) {
      const cell = { setting, name: name.replaceAll(" ", "-"), format: "", threads, work: { bytes: 2 ** 20 }, probe };
      const result = await setting.unfinished.once(`${name} ${threads}`, () => measureSmall(cell, file));
      if (result === undefined) continue;
      const { own, peer, ...rest } = result;
      const [ownMicroseconds, peerMicroseconds] = [own, peer].map((side) => 1e6 / side.median);
      console.log(
        `${name.padEnd(20)} ${threads}T  llmir ${ownMicroseconds.toFixed(1)} µs  ` +
          `llama.cpp ${peerMicroseconds.toFixed(1)} µs  ${rest.ratio.toFixed(2)}x ` +
          `(cpu ${rest.cpuRatio.toFixed(2)}x)  others ${rest.foreign.toFixed(2)}`,
      );
      results.push({ model: name, threads, ownMicroseconds, peerMicroseconds, ...rest });
    }
  }
  probe.end();
  return results;
}

async function measureSmall(cell, file) {
  const { setting, threads } = cell;
  const capacity = { contextLength: 256, maxTokens: 256, maxSequences: 1 };
  const own = await buildOwn(setting.programs.own, file, { ...capacity, threads });
  const peer = setting.startPeer();
  try {
    await peer.ask("model", file);
    return await measureRow(cell, "short", { own, peer });
  } finally {
    own.end();
    peer.end();
  }
}
