/** Sources, spans, the catalogue of codes, and the renderers. */

export type { Code } from "./catalogue.js";
export { catalogue } from "./catalogue.js";
export type { CodeEntry } from "./codes/entry.js";
export * from "./diagnostic.js";
export * from "./nearest.js";
export * from "./render.js";
export * from "./system.js";
