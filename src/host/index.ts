/** The world: files, processes, the clock, the machine. Only doors import this room. */

export { createNodeHost } from "./node-host.js";

export { type SolverAnswer, type SolverProgram, type SolverTask, solveProgram } from "./ilp-solver.js";
