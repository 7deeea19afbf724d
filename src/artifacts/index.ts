/** What is asked of a compilation, what it leaves on disk, and the memory of what has started before. */

export { hashFile, rememberedHash } from "./file-hash.js";
export * from "./manifest.js";
export * from "./options.js";
export type { ProgramFacts, Start, StartRequest } from "./starts.js";
export { measurementsFolder, recallStart, rememberStart, startKey } from "./starts.js";
