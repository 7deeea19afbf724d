// The machine that figures belong to, and what it can do at most.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";

import { startProgram } from "./programs.mjs";

export function circumstances(root, peer) {
  const git = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" });
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    load: Number(loadavg()[0].toFixed(1)),
    node: process.version,
    version,
    commit: (git.stdout ?? "").trim(),
    peer: peer && { package: `node-llama-cpp ${peer.version}`, release: peer.release },
  };
}

/** Peaks of products in G operations/s, for each number of threads. */
export async function machinePeaks(path, threads) {
  const probe = startProgram(path);
  const peaks = [];
  for (const count of threads) peaks.push(await probe.ask("peaks", count));
  probe.end();
  return peaks;
}
