/**
 * `llmir eval`: how well a model predicts a text. The text is cut into chunks that are read each by itself,
 * so that the figure does not depend on how many fit a context.
 */

import type { Command } from "commander";

import { diagnostic } from "../../diagnostics/index.js";
import type { LoadedModel } from "../../runtime/index.js";
import { loadModel, negativeLogLikelihoods } from "../../runtime/index.js";
import type { Door } from "../door.js";
import { CommandFailure, unwrap, writeJson } from "../door.js";
import type { CompileFlags, ExecutorFlag } from "../flags.js";
import { addCompileFlags, compileOptions, executorOption, parseCount } from "../flags.js";
import { count, formatMs, threeDigits } from "../format.js";
import { createProgress } from "../progress.js";

interface Flags extends CompileFlags, ExecutorFlag {
  readonly chunkChars: number;
  readonly chunks: number;
  readonly json?: boolean;
}

export interface Evaluation {
  /** Nats, over all predicted tokens of all chunks. */
  readonly meanNll: number;
  readonly perplexity: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
  readonly chunks: number;
}

export function addEval(program: Command, door: Door): void {
  addCompileFlags(
    program
      .command("eval")
      .summary("measure how well a model predicts a text")
      .description(
        "Prints the mean negative log-likelihood of a text. It is cut into chunks of characters; each is encoded by " +
          "itself and cut to the context, and every token after the first is predicted from those before it.",
      )
      .argument("<model>", "model folder")
      .argument("<textfile>", "text in UTF-8")
      .option("--chunk-chars <count>", "characters of a chunk", parseCount, 1024)
      .option("--chunks <count>", "chunks to read, from the start of the text", parseCount, 10),
  )
    .addOption(executorOption())
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  llmir eval path/to/model story.txt --quantize q8")
    .action((model: string, textFile: string, flags: Flags) => evaluate(door, { model, textFile, flags }));
}

interface EvalRequest {
  readonly model: string;
  readonly textFile: string;
  readonly flags: Flags;
}

async function evaluate(door: Door, { model: path, textFile, flags }: EvalRequest): Promise<void> {
  const { host } = door;
  const texts = cutText(host.files.readText(textFile), flags.chunkChars, flags.chunks);
  const progress = createProgress(door, flags.json === true);
  const options = { ...compileOptions(flags), executor: flags.executor };
  const model = unwrap(door, await loadModel(host, path, options, progress));
  try {
    const started = host.nowMs();
    const result = await evaluateTexts(model, texts);
    if (result === undefined) {
      const message = "no chunk of the text has two tokens";
      throw new CommandFailure(diagnostic("command/text-too-short", message, { at: textFile }));
    }
    const ms = host.nowMs() - started;
    const { quantize } = flags;
    if (flags.json === true) writeJson(door, { model: path, textFile, quantize, ...result, ms });
    else door.terminal.out(renderEvaluation(result, ms));
  } finally {
    await model.close();
  }
}

/** Consecutive pieces of `size` code points; the last may be shorter. */
export function cutText(text: string, size: number, most: number): readonly string[] {
  const characters = Array.from(text.slice(0, 2 * size * most));
  const pieces: string[] = [];
  for (let start = 0; start < characters.length && pieces.length < most; start += size) {
    pieces.push(characters.slice(start, start + size).join(""));
  }
  return pieces;
}

async function evaluateTexts(model: LoadedModel, texts: readonly string[]): Promise<Evaluation | undefined> {
  const { contextLength } = model.facts.capacity;
  let [sum, tokens, chunks] = [0, 0, 0];
  for (const text of texts) {
    const ids = model.tokenizer.encode(text).slice(0, contextLength);
    if (ids.length < 2) continue;
    const losses = await negativeLogLikelihoods(model.runner, ids);
    for (const each of losses) sum += each;
    tokens += losses.length;
    chunks += 1;
  }
  const meanNll = sum / tokens;
  return tokens === 0 ? undefined : { meanNll, perplexity: Math.exp(meanNll), tokens, chunks };
}

function renderEvaluation({ meanNll, perplexity, tokens, chunks }: Evaluation, ms: number): string {
  const rate = threeDigits((1000 * tokens) / ms);
  return (
    `mean negative log-likelihood ${meanNll.toFixed(4)} nats a token, perplexity ${perplexity.toFixed(3)}\n` +
    `  ${count(tokens, "token")} of ${count(chunks, "chunk")} in ${formatMs(ms)}, ${rate} tokens/s\n`
  );
}
