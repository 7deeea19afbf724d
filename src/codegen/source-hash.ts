/**
 * Names for what is built of an emitted folder: loaders cache libraries by path, so other code needs another
 * name.
 */

import type { Host } from "../base/index.js";

const FOLDERS = ["", "runtime", "kernels"];
const HASH_DIGITS = 16;

/** Of every source in a folder and of `words`: the compiler, its options, the machine it builds for. */
export function sourceHash(host: Host, folder: string, words: readonly string[]): string {
  const files = FOLDERS.flatMap((part) => sourcesIn(host, host.files.join(folder, part)));
  return host.sha256(...words, ...files).slice(0, HASH_DIGITS);
}

function sourcesIn({ files }: Host, folder: string): readonly string[] {
  if (!files.isDirectory(folder)) return [];
  const names = files.list(folder).filter((name) => /\.(c|h|cu|cuh)$/.test(name));
  return names.flatMap((name) => [name, files.readText(files.join(folder, name))]);
}
