// One writer at a time among processes that share a checkout.
//
// The lock is a folder with an `owner` file inside. It is made aside and renamed into place: renaming onto
// a non-empty folder fails, so it is taken whole or not at all. A lock whose owner has died is broken.

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 100;
const PATIENCE_MS = 10 * 60 * 1000;

/** Runs `work` while holding the lock folder `lock`; waits for whoever holds it, saying so by `say`. */
export async function withLock(lock, say, work) {
  await take(lock, say);
  const release = () => rmSync(lock, { recursive: true, force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.removeListener("exit", release);
    release();
  }
}

async function take(lock, say) {
  const deadline = Date.now() + PATIENCE_MS;
  let told = false;
  while (!tryToTake(lock)) {
    const owner = ownerOf(lock);
    if (owner !== "" && isDead(owner)) {
      breakLock(lock, owner);
      continue;
    }
    if (!told) say("waiting for another process that is preparing this checkout");
    told = true;
    if (Date.now() > deadline) throw new Error(`gave up waiting; if no other process runs, delete ${lock}`);
    await sleep(POLL_MS);
  }
}

function tryToTake(lock) {
  const aside = `${lock}.${process.pid}`;
  mkdirSync(dirname(lock), { recursive: true });
  mkdirSync(aside, { recursive: true });
  writeFileSync(join(aside, "owner"), `${process.pid} ${hostname()}`);
  try {
    renameSync(aside, lock);
    return true;
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    if (["ENOTEMPTY", "EEXIST", "EPERM"].includes(error.code)) return false;
    throw error;
  }
}

/** "pid host", or the empty string when the lock was released in the meantime. */
function ownerOf(lock) {
  try {
    return readFileSync(join(lock, "owner"), "utf8");
  } catch {
    return "";
  }
}

/** Only a process of this host can be known to be dead; for any other the waiter's patience decides. */
function isDead(owner) {
  const [pid, host] = owner.split(" ");
  if (host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

/** Of several processes that find the same dead owner, the rename lets one win; a live lock is put back. */
function breakLock(lock, deadOwner) {
  const grave = `${lock}.broken-${process.pid}`;
  try {
    renameSync(lock, grave);
  } catch {
    return;
  }
  if (ownerOf(grave) !== deadOwner) {
    renameSync(grave, lock);
    return;
  }
  rmSync(grave, { recursive: true, force: true });
}
