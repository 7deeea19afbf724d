// Model files are untrusted: each kind of damage gets its diagnostic and exit code 2; nothing is left behind.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import type { StoredTensor } from "../support/models.js";
import { llamaConfig, randomLlamaTensors, safetensorsFile, tinyLlama } from "../support/models.js";
import { inTemporaryFolder, writeRandomLlama, writeWeights } from "../support/models.js";
import { createCli, diagnosticCodes } from "../support/run-cli.js";

const cli = createCli();
afterAll(() => cli.remove());

const timeout = 120_000;

type Damage = (folder: string) => void;

const tensors = randomLlamaTensors(tinyLlama, 1);
const weightFile = "model.safetensors";

function overwrite(bytes: Uint8Array): Damage {
  return (folder) => writeFileSync(join(folder, weightFile), bytes);
}

/** A file of one tensor with any entry. */
function entry(dtype: string, shape: readonly number[], offsets: readonly number[]): Uint8Array {
  return safetensorsFile(JSON.stringify({ "lm_head.weight": { dtype, shape, data_offsets: offsets } }), new Uint8Array(16));
}

function replaceTensor(name: string, change: (tensor: StoredTensor) => StoredTensor | undefined): Damage {
  return (folder) => {
    writeWeights(folder, tensors.flatMap((each) => (each.name === name ? (change(each) ?? []) : each)));
  };
}

function configure(fields: Readonly<Record<string, unknown>>): Damage {
  return (folder) => writeFileSync(join(folder, "config.json"), JSON.stringify({ ...llamaConfig(tinyLlama), ...fields }));
}

const overlap = safetensorsFile(
  JSON.stringify({ a: { dtype: "F32", shape: [2], data_offsets: [0, 8] }, b: { dtype: "F32", shape: [2], data_offsets: [4, 12] } }),
  new Uint8Array(12),
);

const damages: readonly (readonly [string, Damage, string])[] = [
  ["a truncated weight file", (folder) => {
    const whole = readFileSync(join(folder, weightFile));
    writeFileSync(join(folder, weightFile), whole.subarray(0, whole.length - 100));
  }, "model/invalid-safetensors"],
  ["tensors that overlap", overwrite(overlap), "model/invalid-safetensors"],
  ["offsets outside the file", overwrite(entry("F32", [4], [0, 2 ** 40])), "model/invalid-safetensors"],
  ["a header length of 2^60", overwrite(safetensorsFile("{}", new Uint8Array(8), 2n ** 60n)), "model/invalid-safetensors"],
  ["a shape that its bytes contradict", overwrite(entry("F32", [5], [0, 16])), "model/invalid-safetensors"],
  ["an empty weight file", overwrite(new Uint8Array(0)), "model/invalid-safetensors"],
  ["a tensor in an unknown format", replaceTensor("model.layers.0.mlp.up_proj.weight", (each) => {
    return { ...each, dtype: "I8", bytes: each.bytes.subarray(0, each.bytes.length / 4) };
  }), "model/unsupported-dtype"],
  ["a missing tensor", replaceTensor("model.layers.1.mlp.up_proj.weight", () => undefined), "model/missing-tensor"],
  ["a tensor of another shape", replaceTensor("model.layers.0.mlp.up_proj.weight", (each) => {
    return { ...each, shape: [...each.shape].reverse() };
  }), "model/wrong-shape"],
  ["a weight that is not a number", replaceTensor("model.norm.weight", (each) => {
    return { ...each, bytes: new Uint8Array(each.bytes.length).fill(0xff) };
  }), "plan/non-finite-weight"],
  ["an unknown architecture", configure({ architectures: ["LlamoForCausalLM"], model_type: "llamo" }), "model/unknown-architecture"],
  ["a configuration that makes no sense", configure({ num_attention_heads: -3 }), "model/invalid-config"],
  ["a configuration that is no JSON", (folder) => writeFileSync(join(folder, "config.json"), "{"), "model/invalid-json"],
  ["a tokenizer that is no JSON", (folder) => writeFileSync(join(folder, "tokenizer.json"), "["), "model/invalid-json"],
];

describe("run refuses", () => {
  test.each(damages)("%s", { timeout }, (_, damage, code) =>
    inTemporaryFolder(async (folder) => {
      writeRandomLlama(folder);
      damage(folder);
      const before = readdirSync(folder);
      const result = await cli.run(["run", folder, "Hello", "-n", "2", "--json"]);
      expect([result.exitCode, result.stdout], result.stderr).toEqual([2, ""]);
      expect(diagnosticCodes(result)).toContain(code);
      expect(result.stderr).not.toContain("    at ");
      expect(readdirSync(folder)).toEqual(before);
      expect(artifacts()).toEqual([]);
    }));
});

function artifacts(): readonly string[] {
  const folder = join(cli.cache, "artifacts");
  return existsSync(folder) ? readdirSync(folder) : [];
}

describe("prompts", () => {
  // The evaluator takes them as well, and needs no compiler.
  const run = (prompt: string, ...args: readonly string[]): ReturnType<typeof cli.run> =>
    inTemporaryFolder((folder) =>
      cli.run(["run", writeRandomLlama(folder), prompt, "--executor", "reference", "--json", ...args]),
    );

  test("that are empty are refused", { timeout }, async () => {
    const result = await run("");
    expect([result.exitCode, result.stdout]).toEqual([2, ""]);
    expect(diagnosticCodes(result)).toEqual(["command/empty-prompt"]);
  });

  test("that fill the context are refused", { timeout }, async () => {
    const result = await run("x".repeat(tinyLlama.contextLength));
    expect([result.exitCode, result.stdout]).toEqual([2, ""]);
    expect(diagnosticCodes(result)).toEqual(["command/prompt-too-long"]);
  });

  test("that nearly fill it are continued to its end", { timeout }, async () => {
    const result = await run("x".repeat(tinyLlama.contextLength - 3), "-n", "50");
    expect(result.exitCode, result.stderr).toBe(0);
    const { stop, promptTokens, newTokens } = JSON.parse(result.stdout);
    expect(promptTokens).toBe(tinyLlama.contextLength - 2);
    expect(stop === "stop-token" || promptTokens + newTokens >= tinyLlama.contextLength).toBe(true);
  });

  test("a context beyond the model's own is refused", { timeout }, async () => {
    const result = await run("Hello", "--context", "100000");
    expect(result.exitCode).toBe(2);
    expect(diagnosticCodes(result)).toEqual(["model/invalid-option"]);
  });
});
