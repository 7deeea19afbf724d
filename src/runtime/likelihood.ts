/** How well a model predicts a text: the negative log-likelihood of each token after the first. */

import type { StepRunner } from "./step-runner.js";

/** −log p(token i | tokens before i) in nats, for i = 1 … n−1. */
export async function negativeLogLikelihoods(
  runner: StepRunner,
  tokens: readonly number[],
): Promise<readonly number[]> {
  const sequence = runner.newSequence();
  try {
    const [rows = []] = await runner.run([{ sequence, tokens: tokens.slice(0, -1), rows: "all" }]);
    return rows.map((logits, i) => logSumExp(logits) - logits[tokens[i + 1]!]!);
  } finally {
    sequence.release();
  }
}

/** log Σ exp(x), shifted by the maximum so that it does not overflow. */
function logSumExp(logits: Float32Array): number {
  let maximum = -Infinity;
  for (const each of logits) maximum = Math.max(maximum, each);
  let sum = 0;
  for (const each of logits) sum += Math.exp(each - maximum);
  return maximum + Math.log(sum);
}
