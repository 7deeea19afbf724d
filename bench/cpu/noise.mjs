// How busy the machine is with others: all processor time less our own. Where the counters are missing (only
// Linux has them) nothing is known and nothing is waited for.

import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

const counters = "/proc/stat";
const ticksPerSecond = 100;

/** Processor seconds that were not idle since the machine started, of all cores together. */
function busySeconds() {
  if (!existsSync(counters)) return undefined;
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync(counters, "utf8").split("\n")[0].split(/\s+/).map(Number);
  return (user + nice + system + irq + softirq + (steal || 0)) / ticksPerSecond;
}

/** Runs one measurement and says how many cores others kept busy meanwhile. */
export async function watched(measure) {
  const [busy, started] = [busySeconds(), performance.now()];
  const answer = await measure();
  const seconds = (performance.now() - started) / 1000;
  const foreign = busy === undefined ? 0 : Math.max(0, (busySeconds() - busy - answer.commandCpu) / seconds);
  return { ...answer, foreign };
}

/** Waits until others leave enough cores free, but not for ever. */
export async function awaitQuiet(threads, patienceMs) {
  const allowed = cpus().length - threads + 0.1;
  for (const started = performance.now(); performance.now() - started < patienceMs;) {
    const busy = busySeconds();
    if (busy === undefined) return;
    await sleep(400);
    if ((busySeconds() - busy) / 0.4 <= allowed) return;
  }
}
