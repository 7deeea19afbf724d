/** Programs of C and C++: what the targets that print one file of functions have in common. */

export type * from "./dialect.js";
export * from "./included-sources.js";
export type * from "./kernel-row.js";
export { printProgram } from "./print-program.js";
export { collectKernels } from "./program-kernels.js";
export type { ProgramKernels } from "./program-kernels.js";
