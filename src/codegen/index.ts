/** What all targets share in printing: names, loops to text, the `Backend` record. */

export type * from "./backend.js";
export * from "./c-names.js";
export * from "./loops-to-c.js";
