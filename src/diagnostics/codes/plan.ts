/** Codes of the `plan/` area. */

import type { CodeEntry } from "./entry.js";

export const planCodes = {
} as const satisfies Record<`plan/${string}`, CodeEntry>;
