// GGUF files from end to end: the text of a real one, and files that `llmir convert` wrote of model folders.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import { renderDiagnostics } from "../../src/diagnostics/index.js";
import type { ExportType } from "../../src/frontend/index.js";
import { importModel, readGgufHeader } from "../../src/frontend/index.js";
import { createNodeHost } from "../../src/host/index.js";
import type { LoadedModel } from "../../src/runtime/index.js";
import { convertModel } from "../../src/runtime/index.js";
import { largest, loadForTest, logitsOf, raggedSteps } from "../support/compare-executors.js";
import type { RandomLlamaOptions } from "../support/models.js";
import { inTemporaryFolder, relatives, requireSharedModel, writeRandomLlama } from "../support/models.js";
import { createCli } from "../support/run-cli.js";
import { firstDifference, modelTolerance } from "../support/tolerances.js";

const { files } = createNodeHost();
const shared = requireSharedModel("stories260K-hf");
const story = requireSharedModel("stories260K", "greedy-256.txt");
const hasCompiler = spawnSync(process.env["CC"] ?? "gcc", ["--version"]).status === 0;
if (!hasCompiler) console.warn("skipped: models on C need a compiler, and there is none");

const cli = createCli();
afterAll(() => {
  cli.remove();
});

async function greedyText(model: LoadedModel, prompt: string, maxTokens: number): Promise<string> {
  const pieces = model.generate(prompt, { temperature: 0, maxTokens });
  if (!pieces.ok) throw new Error(pieces.diagnostics[0]?.message);
  let text = prompt;
  for await (const piece of pieces.value) text += piece;
  return text;
}

/** Writes a GGUF file of a folder. */
function convert(model: string, output: string, type?: ExportType): string {
  const converted = convertModel(files, { model, output, type });
  if (!converted.ok) throw new Error(renderDiagnostics(converted.diagnostics));
  return output;
}

describe.skipIf(shared === "" || story === "")("the stories model as a GGUF file", () => {
  const path = join(shared, "stories260K-f32.gguf");

  test.skipIf(!hasCompiler)("writes the reference's text", { timeout: 120_000 }, () =>
    inTemporaryFolder(async (folder) => {
      const expected = readFileSync(story, "utf8").trimEnd();
      for (const options of [{ executor: "native" }, { executor: "reference" }] as const) {
        const model = await loadForTest(path, folder, options);
        const tokens = options.executor === "native" ? 250 : 40;
        const text = await greedyText(model, "Once upon a time", tokens);
        expect(text.length).toBeGreaterThan(tokens);
        expect(expected.slice(0, text.length)).toBe(text.slice(0, expected.length));
        await model.close();
      }
    }));

  test("is what `convert` makes of the folder, tensor by tensor", () =>
    inTemporaryFolder(async (folder) => {
      const made = files.open(convert(shared, join(folder, "made.gguf")));
      const given = files.open(path);
      const [ours, theirs] = [readGgufHeader(made), readGgufHeader(given)];
      expect([...ours.tensors.keys()].sort()).toEqual([...theirs.tensors.keys()].sort());
      for (const [name, { offsetBytes, sizeBytes, shape, type }] of theirs.tensors) {
        const own = ours.tensors.get(name);
        expect(own).toMatchObject({ shape, type, sizeBytes });
        const bytes = made.read(own?.offsetBytes ?? 0, sizeBytes);
        expect([name, Buffer.compare(bytes, given.read(offsetBytes, sizeBytes))]).toEqual([name, 0]);
      }
      for (const [key, value] of theirs.metadata) {
        if (key !== "general.name" && key !== "tokenizer.ggml.scores") expect([key, ours.metadata.get(key)]).toEqual([key, value]);
      }
      made.close();
      given.close();
    }));
});

/** Every row of logits of a batch of three sequences. */
/** Nothing is rounded that the file does not round. */
const exactly = { activations: "exact", kvDtype: "f32" } as const;

async function logits(path: string, cache: string): Promise<readonly Float32Array[]> {
  const model = await loadForTest(path, cache, { executor: "reference", maxTokens: 16, ...exactly });
  const rows = await logitsOf(model.runner, raggedSteps, 4);
  await model.close();
  return rows;
}

describe("a converted model", () => {
  const sizes = { layers: 2, headDim: 8, heads: 4, kvHeads: 2, hiddenSize: 32, intermediateSize: 64 };
  const stretched = {
    rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 32,
  };
  const models: readonly [string, Partial<RandomLlamaOptions>][] = [
    ["Llama", {}],
    ["Llama with biases", { attentionBias: "all", config: { attention_bias: true } }],
    ["stretched Llama", { config: { rope_scaling: stretched } }],
    ["linearly stretched Llama", { config: { rope_scaling: { rope_type: "linear", factor: 4 } } }],
    ["Mistral", relatives.mistral],
    ["Qwen 2", relatives.qwen2],
    ["Qwen 3", relatives.qwen3],
  ];
  test.each(models)("gives the logits of its folder: %s", (_, options) =>
    inTemporaryFolder(async (folder) => {
      const source = writeRandomLlama(join(folder, "source"), { ...sizes, ...options }, 8);
      const [expected, actual] = [
        await logits(source, folder),
        await logits(convert(source, join(folder, "m.gguf")), folder),
      ];
      const tolerance = modelTolerance(sizes.layers, sizes.intermediateSize, largest(expected));
      expect(actual).toHaveLength(expected.length);
      actual.forEach((row, i) => expect(firstDifference(row, expected[i]!, tolerance)).toBeUndefined());
    }));

  test.each([["q8_0", 0.03], ["q4_0", 0.5], ["f16", 0.002], ["bf16", 0.02]] as const)(
    "in %s is near it, and compiled agrees with its own meaning",
    { timeout: 120_000 },
    (type, rounding) =>
      inTemporaryFolder(async (folder) => {
        const source = writeRandomLlama(join(folder, "source"), sizes, 9);
        const path = convert(source, join(folder, "m.gguf"), type);
        const [exact, own] = [await logits(source, folder), await logits(path, folder)];
        const size = largest(exact);
        const worst = largest(own.map((row, i) => row.map((each, j) => each - exact[i]![j]!)));
        expect(worst).toBeLessThan(rounding * size);
        expect(worst).toBeGreaterThan(0);
        if (!hasCompiler || (type !== "q8_0" && type !== "q4_0")) return;
        const native = await loadForTest(path, folder, { maxTokens: 16, threads: 2, ...exactly });
        const compiled = await logitsOf(native.runner, raggedSteps, 4);
        const formats = native.compilation.plan.weights.entries.map(({ type: each }) => (each.kind === "packed" ? each.format : each.kind));
        await native.close();
        expect(formats).toContain(`q${type === "q8_0" ? 8 : 4}_panel16_g32`);
        const tolerance = modelTolerance(sizes.layers, sizes.intermediateSize, size);
        compiled.forEach((row, i) => expect(firstDifference(row, own[i]!, tolerance)).toBeUndefined());
      }),
  );

  test("keeps its tokenizer, and states what it cannot keep", () =>
    inTemporaryFolder(async (folder) => {
      const source = writeRandomLlama(join(folder, "source"), sizes);
      const output = join(folder, "m.gguf");
      const first = await cli.run(["convert", source, output]);
      expect(first).toMatchObject({ exitCode: 0, stderr: "" });
      expect(first.stdout).toContain("wrote ");
      const again = await cli.run(["convert", source, output]);
      expect(again.exitCode).toBe(2);
      expect(again.stderr).toContain("command/output-exists");
      const back = await cli.run(["convert", output, join(folder, "n.gguf")]);
      expect(back.stderr).toContain("model/not-convertible");
      const tokenizerPath = join(source, "tokenizer.json");
      const tokenizer = JSON.parse(readFileSync(tokenizerPath, "utf8")) as Record<string, unknown>;
      files.write(tokenizerPath, JSON.stringify({ ...tokenizer, normalizer: { type: "Lowercase" } }));
      const refused = await cli.run(["convert", source, join(folder, "n.gguf")]);
      expect(refused.stderr).toContain("model/not-convertible");
      expect(files.exists(join(folder, "n.gguf"))).toBe(false);
      const imported = importModel(output, files, { blockSize: 16 });
      expect(imported.ok && imported.value.tokenizerPath).toBe(output);
      if (imported.ok) imported.value.weights?.close();
    }));
});
