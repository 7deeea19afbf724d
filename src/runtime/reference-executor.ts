/**
 * Runs steps with the reference evaluator of the IR: slow, and the meaning of the model. It stands in
 * where no C compiler is at hand, and it is what compiled plans are compared with.
 */

import type { Compilation } from "../compiler/index.js";
import type { Result } from "../diagnostics/index.js";
import { diagnostic, failure, success } from "../diagnostics/index.js";
import type { KvCacheValue, StepBatch } from "../ir/index.js";
import { createConstantCache, emptyCache, evaluateStep, stepInputs } from "../ir/index.js";
import type { Batch, Executor } from "./executor.js";

/** An executor over the plain graph of a model; no rule has touched what it runs. */
export function createReferenceExecutor(compilation: Compilation, blocks: number): Result<Executor> {
  const { model, plan } = compilation;
  const { weights } = model;
  if (weights === undefined) {
    return failure(
      diagnostic("model/no-weights", `\`${model.name}\` is a configuration without weights`, {
        at: model.folder,
      }),
    );
  }
  const context = {
    registry: plan.ops,
    weights: (name: string) => weights.read(name),
    constants: createConstantCache(),
    ownsArguments: true,
  };
  let cache: KvCacheValue = emptyCache(plan.kv.type, blocks);
  const step = (batch: Batch): Promise<void> => {
    const result = evaluateStep(
      model.module,
      stepInputs({ ...filledPart(batch, plan.capacity.blocksPerSequence), cache }),
      context,
    );
    ({ cache } = result);
    batch.logits.set(result.logits.data);
    return Promise.resolve();
  };
  return success({
    name: "reference evaluator",
    capacity: plan.capacity,
    vocabulary: plan.vocabulary,
    blockSize: plan.kv.type.blockSize,
    blocks,
    step,
    close: () => Promise.resolve(),
  });
}

/** The part of a batch's arrays that its counts cover. */
function filledPart(batch: Batch, blocksPerSequence: number): Omit<StepBatch, "cache"> {
  const { tokens, positions, sequences, rows, blockTable, tokenCount, sequenceCount, rowCount } = batch;
  return {
    tokens: tokens.subarray(0, tokenCount),
    positions: positions.subarray(0, tokenCount),
    sequences: sequences.subarray(0, tokenCount),
    rows: rows.subarray(0, rowCount),
    blockTable: Array.from({ length: sequenceCount }, (_, row) =>
      blockTable.subarray(row * blocksPerSequence, (row + 1) * blocksPerSequence),
    ),
  };
}
