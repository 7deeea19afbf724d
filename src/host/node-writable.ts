/** Files of a known size that are filled in place, in any order. */

import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";

import type { WritableFile } from "../base/index.js";
import { HostError } from "../base/index.js";
import { attempt } from "./host-errors.js";

/** The system takes at most 2^31 - 1 bytes in one call. */
const chunkLimitBytes = 1 << 30;

/** The zeros are a hole: they cost no disk until they are written over. An existing file is never touched. */
export function createWritableFile(path: string, sizeBytes: number): WritableFile {
  const descriptor = attempt("make the file", path, () => openSync(path, "wx"));
  attempt("make the file", path, () => ftruncateSync(descriptor, sizeBytes));
  let isOpen = true;
  return {
    write: (offset, bytes) => {
      if (!isOpen) throw new HostError(`cannot write the file \`${path}\`: it was closed`, { path });
      attempt("write the file", path, () => writeExactly(descriptor, offset, bytes));
    },
    close: () => {
      if (isOpen) closeSync(descriptor);
      isOpen = false;
    },
  };
}

function writeExactly(descriptor: number, offset: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    const part = bytes.subarray(done, done + chunkLimitBytes);
    done += writeSync(descriptor, part, 0, part.length, offset + done);
  }
}
