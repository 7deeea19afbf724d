// A large file is hashed once, and again when it may have changed.

import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, expect, test } from "vitest";

import type { Host } from "../../../src/base/index.js";
import { hashFile, rememberedHash } from "../../../src/artifacts/file-hash.js";
import { createNodeHost } from "../../../src/host/index.js";

const folder = mkdtempSync(join(tmpdir(), "file-hash-"));
afterAll(() => rmSync(folder, { recursive: true }));

const node = createNodeHost();
let opened = 0;
const host: Host = {
  ...node,
  machine: node.machine,
  cacheRoot: join(folder, "cache"),
  files: {
    ...node.files,
    open: (path) => {
      opened++;
      return node.files.open(path);
    },
    // A minute later: a file that was written just now is not trusted to stay.
    stamp: (path) => ({ ...node.files.stamp(path), ageMs: 60_000 }),
  },
};

function readsFor<T>(body: () => T): { readonly value: T; readonly reads: number } {
  const before = opened;
  const value = body();
  return { value, reads: opened - before };
}

test("a file that stays as it is is read once", () => {
  const path = join(folder, "model");
  writeFileSync(path, "weights");
  const first = readsFor(() => rememberedHash(host, path));
  const second = readsFor(() => rememberedHash(host, path));
  expect([first.reads, second.reads]).toEqual([1, 0]);
  expect(second.value).toBe(first.value);
  expect(first.value).toBe(hashFile(host, path));
});

test("another content, even of the same length and time, is read again", () => {
  const path = join(folder, "changed");
  writeFileSync(path, "weights");
  utimesSync(path, 1, 1);
  const before = rememberedHash(host, path);
  writeFileSync(path, "WEIGHTS");
  utimesSync(path, 1, 1);
  expect(rememberedHash(host, path)).not.toBe(before);
});

test("a file that was written just now is not remembered", () => {
  const path = join(folder, "young");
  writeFileSync(path, "weights");
  const young: Host = { ...host, files: { ...host.files, stamp: node.files.stamp } };
  rememberedHash(young, path);
  expect(readsFor(() => rememberedHash(young, path)).reads).toBe(1);
});

test("a damaged memory is none", () => {
  const path = join(folder, "damaged");
  writeFileSync(path, "weights");
  const sha256 = rememberedHash(host, path);
  const memory = join(host.cacheRoot, "hashes", `${host.sha256(path)}.json`);
  for (const text of ["", "{}", '{"stamp":1}', "null"]) {
    writeFileSync(memory, text);
    expect(rememberedHash(host, path)).toBe(sha256);
  }
});
