/**
 * The world of a Node process as a `Host`: files, processes, the clock, the machine. Made once at a door
 * and passed down; nothing below reads the environment or the disk by itself.
 */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Host, MachineFacts } from "../base/index.js";
import { invariant } from "../base/index.js";
import { createNodeFiles } from "./node-files.js";
import { readMachineFacts } from "./node-machine.js";
import { runProcess } from "./node-process.js";
import { canStartThreads, onThreads } from "./node-threads.js";

export function createNodeHost(): Host {
  let machine: MachineFacts | undefined;
  const identity = programIdentity(findPackageRoot());
  return {
    ...(identity === undefined ? {} : { programIdentity: identity }),
    files: createNodeFiles(),
    run: runProcess,
    ...(canStartThreads ? { onThreads } : {}),
    nowMs: () => performance.now(),
    environment: (name) => process.env[name],
    assetRoot: findPackageRoot(),
    cacheRoot: cacheRoot(),
    // Read on first use: half of all commands never ask.
    get machine() {
      machine ??= readMachineFacts();
      return machine;
    },
    sha256: (...parts) => {
      const hash = createHash("sha256");
      for (const part of parts) hash.update(part);
      return hash.digest("hex");
    },
  };
}

/** The package's folder, from the sources as well as from `dist`. */
function findPackageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!isPackageRoot(folder)) {
    const parent = dirname(folder);
    invariant(parent !== folder, "this file is inside the package llmir");
    folder = parent;
  }
  return folder;
}

/** Of the compiled program; sources that run as they are may change between one run and the next. */
function programIdentity(root: string): string | undefined {
  const dist = join(root, "dist");
  if (!fileURLToPath(import.meta.url).startsWith(join(dist, "src"))) return undefined;
  const stamp = join(dist, ".stamp");
  const sources = existsSync(stamp) ? readFileSync(stamp, "utf8") : "";
  return readFileSync(join(root, "package.json"), "utf8") + sources;
}

function isPackageRoot(folder: string): boolean {
  const file = join(folder, "package.json");
  if (!existsSync(file)) return false;
  const content: unknown = JSON.parse(readFileSync(file, "utf8"));
  return typeof content === "object" && content !== null && "name" in content && content.name === "llmir";
}

/** `$LLMIR_CACHE`, or `llmir` in the user's folder for caches. An empty variable counts as unset. */
function cacheRoot(): string {
  const own = process.env["LLMIR_CACHE"];
  if (own !== undefined && own !== "") return own;
  const shared = process.env["XDG_CACHE_HOME"];
  return join(shared !== undefined && shared !== "" ? shared : join(homedir(), ".cache"), "llmir");
}
