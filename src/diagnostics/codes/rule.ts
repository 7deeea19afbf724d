/** Codes of the `rule/` area. */

import type { CodeEntry } from "./entry.js";

export const ruleCodes = {
} as const satisfies Record<`rule/${string}`, CodeEntry>;
