/**
 * The first page of a weight file: what the runtime checks before it maps the rest, so that a file of
 * another program, of another version, or cut short is refused. `WeightHeader` of the runtimes of libraries.
 *
 *     0  "LLMIRWTS"   8  version   12  header bytes   16  bytes of the whole file   24  hash, ends with 0
 */

import { invariant } from "../base/index.js";
import { printType } from "../ir/index.js";
import type { ProgramPlan } from "../plan/index.js";

const HEADER_BYTES = 4096;
const VERSION = 1;
const MAGIC = "LLMIRWTS";

export function writeWeightHeader(plan: ProgramPlan): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  const text = new TextEncoder();
  bytes.set(text.encode(MAGIC), 0);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, HEADER_BYTES, true);
  view.setBigUint64(16, BigInt(plan.weights.sizeBytes), true);
  bytes.set(text.encode(weightsHash(plan)), 24);
  return bytes;
}

/** Names a weight file's layout, in 32 hexadecimal digits: equal for programs that can share a file. */
export function weightsHash({ model, weights }: ProgramPlan): string {
  const lines = weights.entries.map((entry) => {
    invariant(entry.offsetBytes >= HEADER_BYTES, `${entry.name} lies behind the header`);
    const layers = entry.layers === undefined ? "" : `${entry.layers.first}+${entry.layers.count}`;
    return [entry.name, printType(entry.type), layers, entry.offsetBytes, entry.strideBytes].join(" ");
  });
  const text = [model, String(weights.sizeBytes), ...lines].join("\n");
  return [0, 1].map((seed) => hash64(text, seed)).join("");
}

/** FNV-1a with 64 bits over UTF-16 code units; a seed makes it another function. */
function hash64(text: string, seed: number): string {
  let hash = 0xcbf29ce484222325n ^ BigInt(seed);
  for (let i = 0; i < text.length; i++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}
