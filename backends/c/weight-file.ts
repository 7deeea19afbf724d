/** The first page of a weight file, as on every target: `WeightHeader` of runtime/program.h. */

export { weightsHash, writeWeightHeader } from "../../src/codegen/index.js";
