// A start that is remembered opens what the first one made: same text, no rule read, no compiler started. A
// cache that is lost, damaged or stale costs a compilation and nothing else.

import { appendFileSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { startKey } from "../../src/artifacts/index.js";
import type { FileStamp, Host } from "../../src/base/index.js";
import { renderDiagnostics } from "../../src/diagnostics/index.js";
import { createNodeHost } from "../../src/host/index.js";
import type { LoadOptions } from "../../src/runtime/index.js";
import { loadModel } from "../../src/runtime/index.js";
import { inTemporaryFolder, writeByteTokenizer, writeRandomLlama } from "../support/models.js";
import { hasCompiler } from "../support/run-cli.js";

const options: Partial<LoadOptions> = { maxTokens: 16, threads: 2 };

interface Watched {
  readonly host: Host;
  /** Rule files read and compilers started since the last call. */
  work(): { readonly rules: boolean; readonly builds: boolean };
}

/** A host with a cache of its own, for which every file is old enough to be trusted. */
function watchedHost(cacheRoot: string): Watched {
  const node = createNodeHost();
  let [rules, builds] = [0, 0];
  const host: Host = {
    ...node,
    machine: node.machine,
    cacheRoot,
    programIdentity: "a test",
    files: {
      ...node.files,
      readText: (path) => {
        if (path.endsWith(".rules")) rules++;
        return node.files.readText(path);
      },
      stamp: (path) => ({ ...node.files.stamp(path), ageMs: 60_000 }),
    },
    run: async (command, args, given) => {
      if (args.includes("-shared")) builds++;
      return node.run(command, args, given);
    },
  };
  const work = (): { readonly rules: boolean; readonly builds: boolean } => {
    const done = { rules: rules > 0, builds: builds > 0 };
    [rules, builds] = [0, 0];
    return done;
  };
  return { host, work };
}

async function textOf(host: Host, model: string, given = options): Promise<string> {
  const loaded = await loadModel(host, model, given);
  if (!loaded.ok) throw new Error(renderDiagnostics(loaded.diagnostics));
  const pieces = loaded.value.generate("ab", { temperature: 0, maxTokens: 4 });
  if (!pieces.ok) throw new Error(renderDiagnostics(pieces.diagnostics));
  let text = "";
  for await (const piece of pieces.value) text += piece;
  await loaded.value.close();
  return text;
}

/** The only folder or file of a part of the cache whose name ends so. */
function only(folder: string, ending = ""): string {
  const names = readdirSync(folder).filter((name) => name.endsWith(ending));
  expect(names).toHaveLength(1);
  return join(folder, names[0]!);
}

const nothing = { rules: false, builds: false };
const compiled = { rules: true, builds: false };

describe.skipIf(!hasCompiler())("a start that is remembered", () => {
  test("reads no rule, and one that is damaged or stale is made again", { timeout: 120_000 }, () =>
    inTemporaryFolder(async (folder) => {
      const model = writeRandomLlama(join(folder, "model"));
      writeByteTokenizer(model);
      const cache = join(folder, "cache");
      const { host, work } = watchedHost(cache);
      const text = await textOf(host, model);
      expect(work()).toEqual({ rules: true, builds: true });

      const again = async (expected: object): Promise<void> => {
        expect(await textOf(host, model)).toBe(text);
        expect(work()).toEqual(expected);
        expect(await textOf(host, model)).toBe(text);
        expect(work()).toEqual(nothing);
      };
      await again(nothing);

      const memory = only(join(cache, "starts"));
      writeFileSync(memory, readFileSync(memory, "utf8").replace('"vocabulary":', '"vocabulary":1'));
      await again(compiled);
      writeFileSync(memory, "");
      await again(compiled);
      rmSync(join(cache, "starts"), { recursive: true });
      await again(compiled);

      const program = only(join(cache, "artifacts"));
      appendFileSync(only(program, ".so"), "x");
      await again({ rules: true, builds: true });
      const weights = join(only(join(cache, "weights")), "weights.bin");
      const bytes = readFileSync(weights);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(weights, bytes);
      await again(compiled);
      writeFileSync(join(only(join(cache, "artifacts")), "artifact.json"), "{");
      await again({ rules: true, builds: true });
    }));

  test("keeps weights when the program alone changes, and packs again when they do", { timeout: 120_000 }, () =>
    inTemporaryFolder(async (folder) => {
      const model = writeRandomLlama(join(folder, "model"));
      writeByteTokenizer(model);
      const cache = join(folder, "cache");
      const { host, work } = watchedHost(cache);
      await textOf(host, model);
      await textOf(host, model, { ...options, maxSequences: 3 });
      expect(readdirSync(join(cache, "artifacts"))).toHaveLength(2);
      only(join(cache, "weights"));
      work();
      writeRandomLlama(model, {}, 2);
      writeByteTokenizer(model);
      await textOf(host, model);
      expect(work()).toEqual(compiled);
      expect(readdirSync(join(cache, "weights"))).toHaveLength(2);
      expect(readdirSync(join(cache, "artifacts"))).toHaveLength(2);
    }));
});

test("a start is named by all that may change what it comes to", () =>
  inTemporaryFolder((folder) => {
    const path = writeRandomLlama(join(folder, "model"));
    const { host } = watchedHost(join(folder, "cache"));
    const key = (given: Partial<LoadOptions> = {}, on: Host = host): string | undefined =>
      startKey(on, { path, options: given });
    const plain = key();
    expect(plain).toMatch(/^[0-9a-f]{64}$/);
    expect(key({ threads: undefined })).toBe(plain);
    const { machine } = host;
    const others = [
      key({ threads: 1 }), key({ threads: 2 }), key({ memoryBytes: Infinity }), key({ without: ["fusion"] }),
      key({}, { ...host, programIdentity: "another" }),
      key({}, { ...host, machine: { ...machine, features: [] } }),
      key({}, { ...host, environment: () => "clang" }),
    ];
    utimesSync(join(path, "config.json"), 1, 1);
    expect(new Set([plain, ...others, key()]).size).toBe(others.length + 2);

    expect(key({ ruleFiles: ["own.rules"] })).toBeUndefined();
    expect(startKey(host, { path: join(folder, "absent"), options: {} })).toBeUndefined();
    const { programIdentity: _unknown, ...unnamed } = host;
    expect(key({}, unnamed)).toBeUndefined();
    const stamp = (each: string): FileStamp => ({ ...host.files.stamp(each), ageMs: 1 });
    expect(key({}, { ...host, files: { ...host.files, stamp } })).toBeUndefined();
  }));
