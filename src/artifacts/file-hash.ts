/**
 * Hashes of large files. A model's file is hashed once and the result kept with its stamp (what the file
 * system says of it), so that a start need not read gigabytes to see that nothing has changed.
 */

import type { Host } from "../base/index.js";

/** Bytes that are hashed at a time. */
const HASH_CHUNK_BYTES = 64 * 2 ** 20;

/** A file that changed so recently could change again without a new stamp. */
const SETTLED_MS = 2000;

/** Hash of the hashes of chunks, so that a large file is never in memory as a whole. */
export function hashFile(host: Host, path: string): string {
  const file = host.files.open(path);
  try {
    const chunks: string[] = [];
    for (let offset = 0; offset < file.sizeBytes; offset += HASH_CHUNK_BYTES) {
      chunks.push(host.sha256(file.read(offset, Math.min(HASH_CHUNK_BYTES, file.sizeBytes - offset))));
    }
    return host.sha256(...chunks);
  } finally {
    file.close();
  }
}

/** The same, remembered for as long as the file's stamp stays. */
export function rememberedHash(host: Host, path: string): string {
  const { files } = host;
  const full = files.resolve(path);
  const stamp = files.stamp(full);
  const memory = files.join(host.cacheRoot, "hashes", `${host.sha256(full)}.json`);
  const known = recall(host, memory);
  if (known?.stamp === stamp.text) return known.sha256;
  const sha256 = hashFile(host, full);
  const isSettled = stamp.ageMs > SETTLED_MS && files.stamp(full).text === stamp.text;
  if (isSettled) files.write(memory, `${JSON.stringify({ path: full, stamp: stamp.text, sha256 })}\n`);
  return sha256;
}

interface Memory {
  readonly stamp: string;
  readonly sha256: string;
}

/** Our own file, but anything may have happened to it: what is not a memory is none. */
function recall({ files }: Host, path: string): Memory | undefined {
  if (!files.exists(path)) return undefined;
  try {
    const found = JSON.parse(files.readText(path)) as Partial<Memory>;
    const isWhole = typeof found.stamp === "string" && /^[0-9a-f]{64}$/.test(found.sha256 ?? "");
    return isWhole ? (found as Memory) : undefined;
  } catch {
    return undefined;
  }
}
