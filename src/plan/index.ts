/** Schedules, buffer offsets, the weight file's layout, the paged-KV plan, and their validators. */

export type { RuleReference } from "../ir/index.js";
export * from "./place-buffers.js";
export type * from "./plan.js";
export * from "./plan-program.js";
export * from "./validate-plan.js";
export * from "./weight-layout.js";
