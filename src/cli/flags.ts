/** Options that several commands take, and the readers of their values. */

import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";

import type { ActivationRounding, CompileOptions, QuantizationLevel } from "../artifacts/index.js";
import {
  activationRoundings, DEFAULT_COMPILE_OPTIONS, DEFAULT_CONTEXT, kvDtypes, quantizationLevels,
} from "../artifacts/index.js";
import type { CacheDType } from "../ir/index.js";
import type { LoadOptions } from "../runtime/index.js";

export interface CompileFlags {
  readonly target: string;
  readonly arch?: string;
  readonly quantize: QuantizationLevel;
  readonly activations: ActivationRounding;
  readonly kvDtype?: CacheDType;
  readonly features?: readonly string[];
  readonly without: readonly string[];
  readonly rules: readonly string[];
  readonly uncheckedRules?: boolean;
  readonly context?: number;
  readonly memory: number;
  readonly threads?: number;
}

export function addCompileFlags(command: Command): Command {
  const { target, quantize, activations, memoryBytes } = DEFAULT_COMPILE_OPTIONS;
  return command
    .option("--target <name>", "what to emit code for", target)
    .option(
      "--march, --arch <name>",
      "the processor to build for, as the target names it; for C, `generic` is any (default: what suits the machine)",
    )
    .addOption(
      new Option("--quantize <level>", "the coarsest weights that may be used").choices(quantizationLevels).default(quantize),
    )
    .addOption(
      new Option("--activations <how>", "`rounded`: to 8 bits where they meet integer weights; `exact`: never")
        .choices(activationRoundings)
        .default(activations),
    )
    .addOption(
      new Option("--kv-dtype <format>", "what the KV cache holds; `i8`: codes, a scale for each head (default: f16 beside quantized weights, else f32)")
        .choices(kvDtypes),
    )
    .option("--threads <count>", "threads to run on and to price for (default: those that pay); LLMIR_PIN_THREADS=1 pins them", parseCount)
    .addOption(
      new Option("--without <family>", "leave a rule family out; repeatable, or with commas")
        .argParser(collectNames)
        .default([], "none"),
    )
    .addOption(
      new Option("--rules <file>", "a rule file of your own, beside the shipped rules; repeatable")
        .argParser((path: string, before: readonly string[]) => [...before, path])
        .default([], "none"),
    )
    .option("--unchecked-rules", "use rules that nobody has found sound; the output may be wrong")
    .addOption(
      new Option("--features <names>", "optional features of the device, separated by commas (default: those of this one)")
        .argParser((names: string) => names.split(",").filter((each) => each !== "")),
    )
    .option("--context <tokens>", `positions of one sequence (default: the model's own, at most ${DEFAULT_CONTEXT})`, parseCount)
    .addOption(
      new Option("--memory <size>", "the most that packed weights may take, as in 512M or 2G")
        .argParser(parseSize)
        .default(memoryBytes, "no limit"),
    );
}

export interface ExecutorFlag {
  readonly executor: LoadOptions["executor"];
}

export function executorOption(): Option {
  const description = "`native` runs the compiled program, `reference` the slow evaluator that needs no compiler";
  return new Option("--executor <kind>", description).choices(["native", "reference"]).default("native");
}

export function compileOptions(flags: CompileFlags): Partial<CompileOptions> {
  return {
    target: flags.target,
    arch: flags.arch,
    quantize: flags.quantize,
    activations: flags.activations,
    kvDtype: flags.kvDtype,
    features: flags.features,
    without: flags.without,
    ruleFiles: flags.rules,
    uncheckedRules: flags.uncheckedRules === true,
    contextLength: flags.context,
    memoryBytes: flags.memory,
    threads: flags.threads,
  };
}

/** A whole number from 1. */
export function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1) throw new InvalidArgumentError("It must be a whole number from 1.");
  return Number(text);
}

/** A whole number from 0. */
export function parseWhole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 0.");
  return Number(text);
}

export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

const sizeShifts: Readonly<Record<string, number>> = { "": 0, K: 10, M: 20, G: 30, T: 40 };

/** `512M`, `2G`, `1.5GiB`, or plain bytes. */
export function parseSize(text: string): number {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(digits) * 2 ** (sizeShifts[unit.toUpperCase()] ?? 0));
  if (!(bytes >= 1)) throw new InvalidArgumentError("It must be a size such as 512M or 2G.");
  return bytes;
}

/** Adds names to those given so far. */
export function collectNames(text: string, before: readonly string[]): readonly string[] {
  const names = text.split(",").map((name) => name.trim()).filter((name) => name !== "");
  if (names.length === 0) throw new InvalidArgumentError("It must be the name of a rule family.");
  return [...before, ...names];
}
