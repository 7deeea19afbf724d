/** Codes of the `target/` area. */

import type { CodeEntry } from "./entry.js";

export const targetCodes = {
} as const satisfies Record<`target/${string}`, CodeEntry>;
