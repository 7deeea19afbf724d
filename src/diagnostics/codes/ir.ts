/** Codes of the `ir/` area. */

import type { CodeEntry } from "./entry.js";

export const irCodes = {
} as const satisfies Record<`ir/${string}`, CodeEntry>;
