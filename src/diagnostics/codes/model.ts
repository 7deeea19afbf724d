/** Codes of the `model/` area. */

import type { CodeEntry } from "./entry.js";

export const modelCodes = {
} as const satisfies Record<`model/${string}`, CodeEntry>;
