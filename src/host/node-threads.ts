/** Work on several threads of this process: each asks for the next task when it has done one. */

import { Worker } from "node:worker_threads";

import type { ThreadWork } from "../base/index.js";
import { HostError } from "../base/index.js";

/** What a thread is started with. */
export interface ThreadStart {
  /** Of the module that does the work. */
  readonly url: string;
  readonly setup: unknown;
}

export interface ThreadTask {
  readonly index: number;
  readonly task: unknown;
}

/** `undefined` once, when the thread is ready. */
export type ThreadReply =
  | undefined
  | { readonly index: number; readonly result: unknown }
  | { readonly index: number; readonly error: unknown };

const entry = new URL("./node-thread-entry.js", import.meta.url);

/** Sources that are run as they are written have no compiled modules that a thread could load. */
export const canStartThreads = import.meta.url.endsWith(".js");

export async function onThreads(work: ThreadWork): Promise<void> {
  const queue = work.tasks.map((task, index): ThreadTask => ({ index, task }));
  queue.reverse();
  const workers: Worker[] = [];
  const count = Math.min(work.threads, work.tasks.length);
  try {
    await Promise.all(
      Array.from({ length: count }, () => {
        const start: ThreadStart = { url: new URL(`../../${work.module}`, import.meta.url).href, setup: work.setup };
        const worker = new Worker(entry, { workerData: start, execArgv: [] });
        workers.push(worker);
        return drain(worker, queue, work.onResult);
      }),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Feeds a thread until no task is left. */
function drain(worker: Worker, queue: ThreadTask[], onResult: ThreadWork["onResult"]): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      queue.length = 0;
      reject(error instanceof Error ? error : new HostError(String(error)));
    };
    worker.on("error", fail);
    worker.on("exit", (code) => {
      fail(new HostError(`a thread ended with code ${code} before its work was done`));
    });
    worker.on("message", (reply: ThreadReply) => {
      try {
        if (reply !== undefined) {
          if ("error" in reply) throw reply.error;
          onResult(reply.index, reply.result);
        }
        const next = queue.pop();
        if (next === undefined) resolve();
        else worker.postMessage(next);
      } catch (error) {
        fail(error);
      }
    });
  });
}
