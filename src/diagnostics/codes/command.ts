/** Codes of the `command/` area. */

import type { CodeEntry } from "./entry.js";

export const commandCodes = {
} as const satisfies Record<`command/${string}`, CodeEntry>;
