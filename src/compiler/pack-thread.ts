/** What a thread does that helps with packing: it opens the weights for itself and computes pieces. */

import type { Host, ThreadBody } from "../base/index.js";
import { reopenWeights } from "../frontend/index.js";
import type { PackSource, PackTask } from "./pack.js";
import { packPart } from "./pack.js";
import { everyTargetRegistry } from "./targets.js";

/** Crosses to the thread as a copy, so it holds data alone. */
export interface PackSetup {
  readonly source: PackSource;
  /** Of the weights. */
  readonly location: string;
}

export function openThread({ files }: Host, setup: unknown): ThreadBody {
  const { source, location } = setup as PackSetup;
  const weights = reopenWeights(location, files);
  const tools = { registry: everyTargetRegistry, weights };
  return {
    run: (task) => {
      const result = packPart(source, tools, task as PackTask);
      const { buffer } = result.bytes;
      return { result, transfer: buffer instanceof ArrayBuffer ? [buffer] : [] };
    },
  };
}
