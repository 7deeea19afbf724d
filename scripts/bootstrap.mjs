// Makes a checkout ready to run: packages, parsers, compiled program; each only when out of date.
//
// `ensureReady` is called by every entrance of a checkout (`bin/llmir.mjs`, `npm start`, `npm test`), so a
// fresh clone works at the first command. This file and what it imports statically use Node alone, since
// nothing may be installed yet. When all is up to date, it only reads and hashes: well under 100 ms.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { grammarsFingerprint, staleGrammars } from "./grammar-sources.mjs";
import { filesBelow, fingerprint, readStamp } from "./fingerprint.mjs";
import { withLock } from "./lock.mjs";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const dist = join(root, "dist");
const distStamp = join(dist, ".stamp");
const lock = join(root, ".cache", "bootstrap.lock");

/**
 * Installs, generates and builds what is missing or stale. Throws an `Error` with a message for people.
 * With `tests`, a program that doesn't compile is only reported: tests run the sources themselves, and
 * those that start the command will say so again.
 */
export async function ensureReady({ tests = false } = {}) {
  await ensurePackages();
  await ensureGrammars();
  try {
    await ensureDist();
  } catch (error) {
    if (!tests) throw error;
    say(`${error.message}; the tests run all the same`);
  }
}

/** Awaits `work`; when it throws, prints the reason alone and ends the process. For the entrances. */
export async function orExit(work) {
  try {
    await work;
  } catch (error) {
    say(error.message);
    process.exit(1);
  }
}

/** Runs `npm ci` unless `node_modules` holds exactly what `package-lock.json` asks for. */
export async function ensurePackages() {
  if (packagesAreCurrent()) return;
  await withLock(lock, say, () => {
    if (packagesAreCurrent()) return;
    say("installing packages (npm ci --ignore-scripts)");
    runNpm(["ci", "--ignore-scripts", "--include=dev", "--no-audit", "--no-fund"]);
  });
}

/** Generates the parsers whose grammar changed. Needs the packages. */
export async function ensureGrammars() {
  if (staleGrammars(root).length === 0) return;
  // Not a static import: it needs Peggy, which may have been installed a moment ago.
  const { generateParsers } = await import("./generate-parsers.mjs");
  await withLock(lock, say, () => {
    const stale = staleGrammars(root);
    if (stale.length === 0) return;
    say(`generating parsers: ${stale.map((grammar) => grammar.name).join(", ")}`);
    const problems = generateParsers(root, stale);
    if (problems.length > 0) throw new Error(problems.join("\n\n"));
  });
}

/** Compiles `src` and `backends` into `dist`. Needs the packages and the parsers. */
export async function ensureDist() {
  if (readStamp(distStamp) === distFingerprint()) return;
  await withLock(lock, say, () => {
    const wanted = distFingerprint();
    if (readStamp(distStamp) !== wanted) buildDist(wanted);
  });
}

/**
 * The compiler writes into a folder aside, which is then renamed: a process that starts meanwhile finds
 * either the old program or the new one. The folder is a sibling of `dist`, so that the relative paths in
 * source maps stay right.
 */
function buildDist(wanted) {
  say("compiling src and backends into dist");
  removeLeftovers();
  const aside = join(root, `.dist-${process.pid}`);
  const tsc = join(root, "node_modules", "ts7", "bin", "tsc");
  const result = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", aside], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (result.status !== 0) {
    rmSync(aside, { recursive: true, force: true });
    throw new Error("the program does not compile (see above)");
  }
  writeFileSync(join(aside, ".stamp"), `${wanted}\n`);
  const old = `${aside}-old`;
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(aside, dist);
  rmSync(old, { recursive: true, force: true });
}

/** Folders that a killed build left behind; called by the holder of the lock alone. */
function removeLeftovers() {
  for (const name of readdirSync(root)) {
    if (name.startsWith(".dist-")) rmSync(join(root, name), { recursive: true, force: true });
  }
}

function distFingerprint() {
  const isSource = (path) => path.endsWith(".ts");
  const files = [
    ...filesBelow(join(root, "src"), isSource),
    ...filesBelow(join(root, "backends"), isSource),
    ...["package-lock.json", "tsconfig.json", "tsconfig.build.json"].map((name) => join(root, name)),
  ];
  return fingerprint(root, files, [grammarsFingerprint(root)]);
}

/**
 * npm writes what it installed into `node_modules/.package-lock.json`, last of all. Every package of our
 * lock file must be there in the same version; only optional ones (other systems' binaries) may be absent.
 */
function packagesAreCurrent() {
  const installed = readLock(join(root, "node_modules", ".package-lock.json"));
  if (installed === undefined) return false;
  const wanted = readLock(join(root, "package-lock.json")) ?? {};
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    const found = installed[path];
    if (found === undefined) return entry.optional === true || entry.devOptional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

function readLock(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw new Error(`${file}: ${error.message}`, { cause: error });
  }
}

function runNpm(args) {
  const result = spawnSync("npm", args, {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (result.error) throw new Error(`cannot start npm: ${result.error.message}`);
  if (result.status !== 0) throw new Error(`npm ${args[0]} failed (see above)`);
}

function say(text) {
  process.stderr.write(`llmir: ${text}\n`);
}
