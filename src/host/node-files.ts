/**
 * Files through `node:fs`. Every write goes to a name beside the target and is renamed into place, so
 * that neither a crash nor a second process ever shows half a file or half a folder.
 */

import { randomBytes } from "node:crypto";
import {
  closeSync, existsSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, renameSync,
  rmSync, statSync, writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";

import type { Files, FileStamp, RandomAccessFile } from "../base/index.js";
import { HostError } from "../base/index.js";
import { attempt, errorCode, hostError } from "./host-errors.js";
import { createWritableFile } from "./node-writable.js";

/** The system takes at most 2^31 - 1 bytes in one call. */
const chunkLimitBytes = 1 << 30;

export function createNodeFiles(): Files {
  return {
    exists: existsSync,
    isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
    list: (path) => attempt("list the folder", path, () => readdirSync(path).sort()),
    stamp: (path) => attempt("read the state of the file", path, () => stampOf(path)),
    readText: (path) => attempt("read the file", path, () => readFileSync(path, "utf8")),
    readBytes: (path) => attempt("read the file", path, () => new Uint8Array(readFileSync(path))),
    open: openFile,
    create: createWritableFile,
    write: writeFile,
    writeFolder,
    makeFolder: (path) => attempt("make the folder", path, () => void mkdirSync(path, { recursive: true })),
    remove: (path) => attempt("remove", path, () => rmSync(path, { recursive: true, force: true })),
    join,
    resolve,
  };
}

/** Which file it is, how long, and when it and its entry last changed. */
function stampOf(path: string): FileStamp {
  const { dev, ino, size, mtimeNs, ctimeNs, mtimeMs, ctimeMs } = statSync(path, { bigint: true });
  const last = mtimeMs > ctimeMs ? mtimeMs : ctimeMs;
  return { text: [dev, ino, size, mtimeNs, ctimeNs].join(":"), ageMs: Date.now() - Number(last) };
}

function openFile(path: string): RandomAccessFile {
  const descriptor = attempt("open the file", path, () => openSync(path, "r"));
  const sizeBytes = attempt("open the file", path, () => fstatSync(descriptor).size);
  let isOpen = true;
  return {
    path,
    sizeBytes,
    read: (offset, length) => {
      if (!isOpen) throw new HostError(`cannot read the file \`${path}\`: it was closed`, { path });
      return attempt("read the file", path, () => readExactly(descriptor, path, { offset, length }));
    },
    close: () => {
      if (isOpen) closeSync(descriptor);
      isOpen = false;
    },
  };
}

interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

function readExactly(descriptor: number, path: string, { offset, length }: ByteRange): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const wanted = Math.min(length - done, chunkLimitBytes);
    const count = readSync(descriptor, bytes, { offset: done, length: wanted, position: offset + done });
    if (count === 0) {
      throw new HostError(`the file \`${path}\` ends before byte ${offset + length}`, {
        path,
        hint: "it may have been replaced or cut short while it was read",
      });
    }
    done += count;
  }
  return bytes;
}

/** A name in the same folder, hence on the same disk, so that a rename is atomic. */
function temporaryName(path: string): string {
  return `${path}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;
}

function writeFile(path: string, content: string | Uint8Array): void {
  attempt("write the file", path, () => {
    mkdirSync(dirname(path), { recursive: true });
    const temporary = temporaryName(path);
    try {
      writeFileSync(temporary, content, { flag: "wx" });
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
}

/** When another process made the folder meanwhile, theirs stays and ours is dropped. */
async function writeFolder(path: string, fill: (temporaryPath: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(path);
  attempt("make the folder", path, () => mkdirSync(temporary, { recursive: true }));
  try {
    await fill(temporary);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    const code = errorCode(error);
    if (code === "ENOTEMPTY" || code === "EEXIST") return;
    throw code === undefined || error instanceof HostError ? error : hostError("make the folder", path, error);
  }
}
