/** Types, the op registry, graphs, the text form, the verifier and the reference evaluator. */

export * from "./attrs.js";
export * from "./graph.js";
export * from "./loop-form.js";
export * from "./op.js";
export * from "./registry.js";
export * from "./types.js";
export * from "./values.js";
