/** What a program says of itself: constants that the runtime checks batches against, and a description. */

import type { TextWriter } from "../../../src/base/index.js";
import { cString } from "../../../src/codegen/index.js";
import { dtypeBytes } from "../../../src/ir/index.js";
import type { ProgramPlan } from "../../../src/plan/index.js";
import { weightsHash } from "../weight-file.js";
import type { ProgramKernels } from "./program-kernels.js";
import { kernelCalls } from "./program-kernels.js";

/** The JSON of `llmir_describe`. */
export interface ProgramDescription {
  readonly model: string;
  readonly target: string;
  readonly vocabulary: number;
  readonly capacity: {
    readonly tokens: number;
    readonly rows: number;
    readonly sequences: number;
    readonly contextSlots: number;
    readonly contextLength: number;
    readonly blocksPerSequence: number;
  };
  readonly kv: {
    readonly layers: number;
    readonly blockSize: number;
    readonly heads: number;
    readonly headDim: number;
    readonly dtype: string;
    readonly blockBytes: number;
  };
  /** Whether a step reads the arrays of context slots. */
  readonly needsContext: boolean;
  /** Distinct kernels. */
  readonly kernels: number;
  readonly arenaBytes: number;
  readonly weightsBytes: number;
  readonly weightsHash: string;
}

export function describeProgram(plan: ProgramPlan, kernels: ProgramKernels): ProgramDescription {
  const { capacity, kv } = plan;
  const { kind: _kind, ...cache } = kv.type;
  return {
    model: plan.model,
    target: plan.target,
    vocabulary: plan.vocabulary,
    capacity: {
      tokens: capacity.tokens,
      // Buffers hold a row of logits for each token at most.
      rows: Math.min(capacity.rows, capacity.tokens),
      sequences: capacity.sequences,
      contextSlots: plan.dims["C"] ?? capacity.sequences * capacity.contextLength,
      contextLength: capacity.contextLength,
      blocksPerSequence: capacity.blocksPerSequence,
    },
    kv: { ...cache, blockBytes: kv.blockBytes },
    needsContext: readsContext(plan),
    kernels: kernels.instances.length + kernels.printed.length,
    arenaBytes: plan.arenaBytes,
    weightsBytes: plan.weights.sizeBytes,
    weightsHash: weightsHash(plan),
  };
}

function readsContext({ functions }: ProgramPlan): boolean {
  return kernelCalls(functions).some(({ operands }) =>
    operands.some(({ storage }) => storage.kind === "input" && storage.name.startsWith("context_")),
  );
}

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
