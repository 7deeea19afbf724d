/** What all targets share in printing: names, loops to text, the `Backend` record. */

export * from "./backend.js";
