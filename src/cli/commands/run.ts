/** `llmir run`: continues a prompt and streams the text. */

import type { Command } from "commander";

import type { SamplingOptions } from "../../runtime/index.js";
import { checkSampling, defaultSampling, loadModel } from "../../runtime/index.js";
import type { Door } from "../door.js";
import { unwrap, writeJson } from "../door.js";
import type { CompileFlags, ExecutorFlag } from "../flags.js";
import { addCompileFlags, compileOptions, executorOption } from "../flags.js";
import { parseCount, parseNumber, parseWhole } from "../flags.js";
import { describeSpeed, writeText } from "../generation.js";
import { createProgress } from "../progress.js";

interface RunFlags extends CompileFlags, ExecutorFlag, SamplingOptions {
  readonly tokens: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function addRun(program: Command, door: Door): void {
  const command = program
    .command("run")
    .summary("continue a prompt")
    .description("Compiles a model if that is not done yet, and continues a prompt: first the prompt itself, then new text.")
    .argument("<model>", "GGUF file, or Hugging Face folder with config.json, safetensors and tokenizer.json")
    .argument("<prompt>", "text to continue")
    .option("-n, --tokens <count>", "the most new tokens to write", parseCount, 128);
  addSamplingFlags(command);
  addCompileFlags(command)
    .addOption(executorOption())
    .option("--json", "print one JSON document instead of the text as it comes")
    .option("-q, --quiet", "no progress and no speed on stderr")
    .addHelpText(
      "after",
      `
Examples:
  llmir run examples/tiny-stories "Once upon a time"
  llmir run path/to/model "Dear" -n 200 --temperature 0.8 --top-p 0.9 --seed 7 --quantize q8`,
    )
    .action((model: string, prompt: string, flags: RunFlags) => run(door, { model, prompt, flags }));
}

export function addSamplingFlags(command: Command, defaults: Partial<SamplingOptions> = {}): Command {
  const { temperature, topK, topP, minP, seed } = { ...defaultSampling, ...defaults };
  return command
    .option("--temperature <number>", "0 takes the likeliest token, 1 samples from the model as it is", parseNumber, temperature)
    .option("--top-k <count>", "sample from that many of the likeliest tokens; 0 from all", parseWhole, topK)
    .option("--top-p <share>", "sample from the likeliest tokens that together reach this probability", parseNumber, topP)
    .option("--min-p <share>", "leave out tokens below this share of the likeliest one's probability", parseNumber, minP)
    .option("--seed <number>", "same seed, same text", parseWhole, seed);
}

/** The sampling options among a command's flags, checked before anything slow starts. */
export function samplingOptions(door: Door, flags: SamplingOptions): SamplingOptions {
  const { temperature, topK, topP, minP, seed } = flags;
  return unwrap(door, checkSampling({ temperature, topK, topP, minP, seed }));
}

interface RunRequest {
  readonly model: string;
  readonly prompt: string;
  readonly flags: RunFlags;
}

async function run(door: Door, { model: path, prompt, flags }: RunRequest): Promise<void> {
  const sampling = samplingOptions(door, flags);
  const options = { ...compileOptions(flags), executor: flags.executor };
  const quiet = flags.quiet === true || flags.json === true;
  const model = unwrap(door, await loadModel(door.host, path, options, createProgress(door, quiet)));
  try {
    const write = flags.json === true ? () => undefined : door.terminal.out;
    const request = { prompt, options: { ...sampling, maxTokens: flags.tokens }, write };
    const generation = await writeText(door, model, request);
    const executor = model.runner.executor.name;
    if (flags.json === true) writeJson(door, { model: path, prompt, ...generation, executor });
    else if (!quiet) door.terminal.err(`${describeSpeed(generation, executor)}\n`);
  } finally {
    await model.close();
  }
}
