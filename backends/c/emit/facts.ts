/** What a program says of itself: constants that the runtime checks batches against, and a description. */

import type { TextWriter } from "../../../src/base/index.js";
import type { ProgramDescription } from "../../../src/codegen/index.js";
import { cString } from "../../../src/codegen/index.js";
import { dtypeBytes } from "../../../src/ir/index.js";
import type { ProgramPlan } from "../../../src/plan/index.js";
import type { ProgramKernels } from "./program-kernels.js";

/** `llmir_facts` of runtime/program.h. */
export function printFacts(
  description: ProgramDescription,
  plan: ProgramPlan,
  kernels: ProgramKernels,
  out: TextWriter,
): void {
  const { capacity, kv } = description;
  const fields: readonly (readonly [string, number | string])[] = [
    ["max_tokens", capacity.tokens],
    ["max_sequences", capacity.sequences],
    ["max_rows", capacity.rows],
    ["max_context", capacity.contextSlots],
    ["context_length", capacity.contextLength],
    ["blocks_per_sequence", capacity.blocksPerSequence],
    ["vocabulary", description.vocabulary],
    ["needs_context", description.needsContext ? 1 : 0],
    ["layers", kv.layers],
    ["block_size", kv.blockSize],
    ["heads", kv.heads],
    ["head_dim", kv.headDim],
    ["kv_element_bytes", dtypeBytes(plan.kv.type.dtype)],
    ["arena_bytes", description.arenaBytes],
    ["scratch_bytes", kernels.scratchFloats * 4],
    ["weights_bytes", description.weightsBytes],
    ["weights_hash", cString(description.weightsHash)],
  ];
  out.block("const ProgramFacts llmir_facts = {", () => {
    for (const [name, value] of fields) out.line(`.${name} = ${value},`);
  }, "};");
}

export function printDescribe(description: ProgramDescription, out: TextWriter): void {
  out.block("const char *llmir_describe(void) {", () => out.line(`return ${cString(JSON.stringify(description))};`));
}
