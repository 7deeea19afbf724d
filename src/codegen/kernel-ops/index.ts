/** Ops of kernels that targets have in common: a target adds what runs them. */

export * from "./attention.js";
export * from "./checks.js";
export * from "./products.js";
export * from "./rounded-products.js";
export * from "./rowwise.js";
export * from "./shapes.js";
export * from "./weight-formats.js";
