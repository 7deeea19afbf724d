/** The first module of a thread that `onThreads` starts. */

import { parentPort, workerData } from "node:worker_threads";

import type { OpenThread } from "../base/index.js";
import { invariant } from "../base/index.js";
import { createNodeHost } from "./node-host.js";
import type { ThreadReply, ThreadStart, ThreadTask } from "./node-threads.js";

invariant(parentPort !== null, "this module is run by `onThreads`");
const port = parentPort;
const { url, setup } = workerData as ThreadStart;
const { openThread } = (await import(url)) as { readonly openThread: OpenThread };
const body = openThread(createNodeHost(), setup);

port.on("message", ({ index, task }: ThreadTask) => {
  try {
    const { result, transfer } = body.run(task);
    port.postMessage({ index, result } satisfies ThreadReply, [...transfer]);
  } catch (error) {
    port.postMessage({ index, error } satisfies ThreadReply);
  }
});
const ready: ThreadReply = undefined;
port.postMessage(ready);
