/**
 * What a built library says of itself: the JSON of `llmir_describe`, the same for every target with that
 * interface.
 */

import type { ProgramPlan } from "../plan/index.js";
import { weightsHash } from "./weight-file.js";

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

/** `kernels`: how many distinct ones the emitter prints. */
export function describeProgram(plan: ProgramPlan, kernels: number): ProgramDescription {
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
    kernels,
    arenaBytes: plan.arenaBytes,
    weightsBytes: plan.weights.sizeBytes,
    weightsHash: weightsHash(plan),
  };
}

function readsContext({ functions }: ProgramPlan): boolean {
  return functions
    .flatMap(({ calls }) => calls.filter((call) => call.kind === "kernel"))
    .some(({ operands }) =>
      operands.some(({ storage }) => storage.kind === "input" && storage.name.startsWith("context_")),
    );
}
