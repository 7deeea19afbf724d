/** Codes of the `target/` area: what building for a target can meet. */

import type { CodeEntry } from "./entry.js";

export const targetCodes = {
  "target/no-c-compiler": {
    severity: "error",
    meaning: "No C compiler can be started: neither the one that CC names nor gcc, clang or cc. Install one, or name one in CC.",
  },
  "target/compile-failed": {
    severity: "error",
    meaning: "The C compiler refused the emitted program. The hint shows the first lines of what it said.",
  },
  "target/cannot-load": {
    severity: "error",
    meaning: "A built library or its weight file cannot be opened, or they do not belong together.",
  },
} as const satisfies Record<`target/${string}`, CodeEntry>;
