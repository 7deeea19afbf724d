/** Loop kernels: made from an op's record, printed, checked, and run as a reference for every target. */

export * from "./fused-kernel.js";
export * from "./fused-term.js";
export * from "./inline-producer.js";
export * from "./loop-kernel.js";
export * from "./parse-loops.js";
export * from "./print-loops.js";
export * from "./run-loops.js";
export * from "./schedule-workgroups.js";
export * from "./verify-loops.js";
