/** What a program says of itself: constants that the runtime checks batches against, and a description. */

import type { TextWriter } from "../../base/index.js";
import { dtypeBytes, kvScaleBytes } from "../../ir/index.js";
import type { ProgramPlan } from "../../plan/index.js";
import { cString } from "../c-names.js";
import type { ProgramDescription } from "../program-description.js";
import type { CDialect } from "./dialect.js";

export interface ProgramFacts {
  readonly plan: ProgramPlan;
  readonly description: ProgramDescription;
  /** What each thread needs besides the arena; undefined where there is no such field. */
  readonly scratchBytes: number | undefined;
  /** What they share besides the arena; undefined where there is no such field. */
  readonly sharedBytes: number | undefined;
}

/** `llmir_facts` of the runtime's program header, in the order of its fields. */
export function printFacts(facts: ProgramFacts, { fact }: CDialect, out: TextWriter): void {
  const { plan, description, scratchBytes, sharedBytes } = facts;
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
    ["kv_scale_bytes", kvScaleBytes(plan.kv.type)],
    ["arena_bytes", description.arenaBytes],
    ...(scratchBytes === undefined ? [] : [["scratch_bytes", scratchBytes] as const]),
    ...(sharedBytes === undefined ? [] : [["shared_bytes", sharedBytes] as const]),
    ["weights_bytes", description.weightsBytes],
    ["weights_hash", cString(description.weightsHash)],
  ];
  out.block("const ProgramFacts llmir_facts = {", () => {
    for (const [name, value] of fields) out.line(`${fact(name, String(value))},`);
  }, "};");
}

export function printDescribe(description: ProgramDescription, out: TextWriter): void {
  out.block("const char *llmir_describe(void) {", () => out.line(`return ${cString(JSON.stringify(description))};`));
}
