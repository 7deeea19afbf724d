/** Codes of the `plan/` area: the optimizer and the planner. */

import type { CodeEntry } from "./entry.js";

export const planCodes = {
  "plan/memory-budget": {
    severity: "error",
    meaning: "No choice of weight formats that the options allow fits the memory budget.",
  },
  "plan/no-kernel": {
    severity: "error",
    meaning: "A value of the model cannot be computed on the target: no kernel was selected for one of its ops.",
  },
  "plan/arena-too-large": {
    severity: "error",
    meaning: "The buffers of one step do not fit; plain attention over a long context needs a score for every pair.",
  },
  "plan/unknown-target": {
    severity: "error",
    meaning: "There is no target of that name.",
  },
  "plan/non-finite-weight": {
    severity: "error",
    meaning: "A weight of the model is infinite or not a number; nothing that is computed from it would be one.",
  },
  "plan/artifact-damaged": {
    severity: "error",
    meaning: "An artifact does not match its own checksums right after it was written: the disk is full or failing.",
  },
} as const satisfies Record<`plan/${string}`, CodeEntry>;
