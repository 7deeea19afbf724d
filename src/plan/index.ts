/** Schedules, buffer offsets, the weight file's layout, the paged-KV plan, and their validators. */

export * from "./plan.js";
