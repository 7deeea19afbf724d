/** What every other room stands on: ids, assertions, text, float formats, the `Host` interface. */

export * from "./assertions.js";
export * from "./float-formats.js";
export * from "./host.js";
export * from "./ids.js";
export * from "./nesting.js";
export * from "./random.js";
export * from "./signal.js";
export * from "./syntax-errors.js";
export * from "./text-writer.js";
