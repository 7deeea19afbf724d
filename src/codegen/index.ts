/** What all targets share in printing: names, loops to text, the `Backend` record. */

export type * from "./backend.js";
export * from "./c-lists.js";
export * from "./c-names.js";
export * from "./c-program/index.js";
export * from "./loops-to-c.js";
export * from "./loops-to-cuda.js";
export * from "./loops-to-wgsl.js";
export * from "./wgsl-names.js";
export * from "./kernel-ops/index.js";
export * from "./program-description.js";
export * from "./source-hash.js";
export * from "./type-text.js";
export * from "./weight-file.js";
