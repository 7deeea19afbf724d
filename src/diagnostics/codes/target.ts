/** Codes of the `target/` area: what building for a target can meet. */

import type { CodeEntry } from "./entry.js";

export const targetCodes = {
  "target/no-c-compiler": {
    severity: "error",
    meaning: "No C compiler can be started: neither the one that CC names nor gcc, clang or cc. Install one, or name one in CC.",
  },
  "target/no-nvcc": {
    severity: "error",
    meaning: "No CUDA compiler can be started: neither the one that NVCC names nor nvcc. Install the CUDA toolkit, or name one in NVCC.",
  },
  "target/compile-failed": {
    severity: "error",
    meaning: "The compiler refused the emitted program. The hint shows the first lines of what it said.",
  },
  "target/unknown-arch": {
    severity: "error",
    meaning: "The target cannot be built for an architecture of that name.",
  },
  "target/unknown-feature": {
    severity: "error",
    meaning: "Devices of the target have no optional feature of that name that kernels could need.",
  },
  "target/unknown-cache": {
    severity: "error",
    meaning: "The target has no KV cache of that format.",
  },
  "target/limit": {
    severity: "error",
    meaning: "A buffer of the program is larger than the target allows, and cannot be split. The message has the figures.",
  },
  "target/no-adapter": {
    severity: "error",
    meaning: "WebGPU finds no device on this machine, or the package that brings it is not installed.",
  },
  "target/no-device": {
    severity: "error",
    meaning: "This machine lacks the device that programs of the target run on; `llmir targets` says what it can run.",
  },
  "target/device-lost": {
    severity: "error",
    meaning: "The GPU gave up in the middle of a program: it was reset, taken away, or ran out of memory.",
  },
  "target/cannot-load": {
    severity: "error",
    meaning: "A built library or its weight file cannot be opened, or they do not belong together.",
  },
} as const satisfies Record<`target/${string}`, CodeEntry>;
