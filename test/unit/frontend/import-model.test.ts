// Importing folders: the plain graph, what the configuration may say, and folders that must be refused.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import type { Result } from "../../../src/diagnostics/index.js";
import type { ImportedModel, ImportOptions } from "../../../src/frontend/index.js";
import { importModel } from "../../../src/frontend/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import type { Func } from "../../../src/ir/index.js";
import {
  coreRegistry, printType, requireFunction, valueInfo, valueType, verifyModule,
} from "../../../src/ir/index.js";
import type { RandomLlamaOptions } from "../../support/models.js";
import {
  inTemporaryFolder, llamaConfig, randomLlamaTensors, requireSharedModel, storedTensor, tinyLlama,
  writeRandomLlama, writeWeights,
} from "../../support/models.js";

const { files } = createNodeHost();
const options: ImportOptions = { blockSize: 16 };

function imported(path: string, given: ImportOptions = options): ImportedModel {
  const result = importModel(path, files, given);
  if (!result.ok) throw new Error(result.diagnostics.map((each) => each.message).join("; "));
  result.value.weights?.close();
  return result.value;
}

/** Ops in execution order with their number, as a readable summary of a function. */
function countOps(func: Func): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const operation of func.operations) {
    const name = operation.kind === "op" ? operation.op : operation.kind;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function signatureOf(func: Func): readonly string[] {
  return func.params.map((id) => `${valueInfo(func, id).name}: ${printType(valueType(func, id))}`);
}

describe("the plain graph of a Llama", () => {
  test("has the parameters and results of a step", () => inTemporaryFolder((folder) => {
    const { module } = imported(writeRandomLlama(folder));
    const step = requireFunction(module, "step");
    expect(signatureOf(step)).toEqual([
      'tokens: tensor<?xi32, "T">',
      'positions: tensor<?xi32, "T">',
      'sequences: tensor<?xi32, "T">',
      'rows: tensor<?xi32, "R">',
      'block_table: tensor<?x?xi32, "S,B">',
      'context_sequences: tensor<?xi32, "C">',
      'context_positions: tensor<?xi32, "C">',
      "cache: !llm.paged_kv_cache<2x16x2x8xf32>",
    ]);
    expect(step.results.map((id) => printType(valueType(step, id)))).toEqual([
      'tensor<?x258xf32, "R">',
      "!llm.paged_kv_cache<2x16x2x8xf32>",
    ]);
    expect(countOps(step)).toEqual({
      weight: 3, gather: 2, layers: 1, rms_norm: 1, transpose: 1, matmul: 1,
    });
  }));

  test("has one function for all layers, in plain ops", () => inTemporaryFolder((folder) => {
    const { module } = imported(writeRandomLlama(folder));
    expect(module.functions.map((each) => each.name)).toEqual(["layer", "step"]);
    const layer = requireFunction(module, "layer");
    expect(signatureOf(layer).slice(0, 3)).toEqual([
      "layer: tensor<i32>",
      'x: tensor<?x48xf32, "T">',
      "cache: !llm.paged_kv_cache<2x16x2x8xf32>",
    ]);
    expect(countOps(layer)).toEqual({
      weight: 9, rms_norm: 2, transpose: 11, matmul: 9, reshape: 8, rope_frequencies: 1, rope: 2,
      append_kv: 1, lookup_keys: 1, lookup_values: 1, repeat_interleave: 2, constant: 2, mul: 2, compare: 2,
      and: 1, select: 1, softmax: 1, add: 2, silu: 1,
    });
    const verified = verifyModule(module, coreRegistry);
    expect(verified).toEqual([]);
  }));

  const variants: readonly [string, Partial<RandomLlamaOptions>, (model: ImportedModel) => void][] = [
    ["casts 16-bit weights where they are read", { dtype: "bf16" }, ({ module }) => {
      expect(countOps(requireFunction(module, "layer"))).toMatchObject({ weight: 9, cast: 9 });
    }],
    ["reads the embedding twice when the head is tied", { tiedHead: true }, ({ module, tiedHead }) => {
      const names = requireFunction(module, "step").operations.flatMap((each) =>
        each.kind === "op" && each.op === "weight" ? [each.attrs["name"]] : []);
      expect(names).toEqual(["model.embed_tokens.weight", "model.norm.weight", "model.embed_tokens.weight"]);
      expect(tiedHead).toBe(true);
    }],
    ["repeats no heads that are not shared", { kvHeads: 6 }, ({ module }) => {
      expect(countOps(requireFunction(module, "layer"))["repeat_interleave"]).toBeUndefined();
    }],
    ["is the same from shards", { shards: 3 }, ({ module, weights }) => {
      expect(weights?.names).toHaveLength(21);
      expect(module.functions).toHaveLength(2);
    }],
  ];

  test.each(variants)("%s", (_, variant, check) => inTemporaryFolder((folder) => {
    check(imported(writeRandomLlama(folder, variant)));
  }));

  test("of weights without a head is tied, whatever the configuration says", () => inTemporaryFolder((folder) => {
    writeRandomLlama(folder, { tiedHead: true, config: { tie_word_embeddings: false } });
    expect(imported(folder).tiedHead).toBe(true);
  }));

  test("names weights that exist, with values that are read", () => inTemporaryFolder((folder) => {
    const result = importModel(writeRandomLlama(folder, { dtype: "f16" }), files, options);
    if (!result.ok || result.value.weights === undefined) throw new Error("the folder is valid");
    const { weights } = result.value;
    expect(weights.read("model.layers.1.mlp.down_proj.weight")).toMatchObject({ dtype: "f16", shape: [48, 76] });
    weights.close();
  }));
});

describe("what else an import states", () => {
  test("is taken from the folder and the configuration", () => inTemporaryFolder((folder) => {
    const path = join(folder, "tiny");
    const model = imported(writeRandomLlama(path), { blockSize: 8, contextLength: 40 });
    expect(model).toMatchObject({
      name: "tiny", architecture: "LlamaForCausalLM", folder: path, vocabulary: 258, contextLength: 40,
    });
    expect(imported(path).contextLength).toBe(64);
  }));

  test("needs no weights for a configuration alone", () => inTemporaryFolder((folder) => {
    const path = join(folder, "Some-Model.json");
    writeFileSync(path, JSON.stringify(llamaConfig({ ...tinyLlama, dtype: "bf16" })));
    const model = imported(path);
    expect(model).toMatchObject({ name: "Some-Model", folder, weights: undefined });
    expect(countOps(requireFunction(model.module, "layer"))["cast"]).toBe(9);
  }));

  test("includes the rotary scaling, in both spellings", () => inTemporaryFolder((folder) => {
    const llama3 = {
      rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 32,
    };
    const scaled = { theta: 5e5, scaling: "llama3", factor: 8, lowFactor: 1, highFactor: 4, originalContext: 32 };
    const plain = { theta: 5e5, scaling: "none", factor: 1, lowFactor: 1, highFactor: 1, originalContext: 64 };
    const spellings: readonly [object, object][] = [
      [{ rope_theta: 5e5, rope_scaling: llama3 }, scaled],
      [{ rope_theta: undefined, rope_parameters: { ...llama3, rope_theta: 5e5 } }, scaled],
      [{ rope_theta: undefined, rope_parameters: { rope_type: "default", rope_theta: 5e5 } }, plain],
      [{ rope_theta: 5e5, rope_scaling: null }, plain],
      [{ rope_theta: 5e5, rope_scaling: { type: "linear", factor: 2 } }, { ...plain, scaling: "linear", factor: 2 }],
    ];
    for (const [config, rope] of spellings) {
      writeFileSync(join(folder, "c.json"), JSON.stringify(llamaConfig({ ...tinyLlama, config: { ...config } })));
      expect(imported(join(folder, "c.json")).config.rope).toEqual(rope);
    }
  }));
});

describe("real configurations", () => {
  const read = (name: string): Result<ImportedModel> =>
    importModel(requireSharedModel("configs", `${name}.json`), files, options);
  const isAbsent = requireSharedModel("configs") === "";

  test.skipIf(isAbsent)("of Llama 3 are imported", () => {
    const big = read("Meta-Llama-3.1-8B");
    expect(big.ok && big.value.config).toMatchObject({ layers: 32, kvHeads: 8, headDim: 128, dtype: "bf16" });
    // This one has no `architectures`, only a `model_type`.
    const small = read("Llama-3.2-1B-Instruct");
    expect(small.ok && small.value.config).toMatchObject({ layers: 16, headDim: 64, tiedHead: true });
  });

  test.skipIf(isAbsent).each(["Qwen3-30B-A3B", "Mixtral-8x7B-v0.1", "gemma-4-26B-A4B", "phi-2", "opt-6.7b"])(
    "of %s are refused by name",
    (name) => {
      expect(read(name).diagnostics.map((each) => each.code)).toEqual(["model/unknown-architecture"]);
    },
  );
});

/** What is reported for a folder with one change in its configuration. */
function importWith(folder: string, config: Readonly<Record<string, unknown>>): Result<ImportedModel> {
  writeFileSync(join(folder, "config.json"), JSON.stringify(llamaConfig({ ...tinyLlama, config })));
  return importModel(join(folder, "config.json"), files, options);
}

describe("a configuration", () => {
  test.each<[string, Record<string, unknown>, string, string]>([
    ["without a width", { hidden_size: undefined }, "model/invalid-config", "`hidden_size` must be a whole number from 1"],
    ["of no layers", { num_hidden_layers: 0 }, "model/invalid-config", "`num_hidden_layers` must be"],
    ["of -1 heads", { num_attention_heads: -1 }, "model/invalid-config", "`num_attention_heads` must be"],
    ["of 1e12 words", { vocab_size: 1e12 }, "model/invalid-config", "`vocab_size` must be a whole number from 1 to 4194304, found 1000000000000"],
    ["of half a layer", { num_hidden_layers: 1.5 }, "model/invalid-config", "`num_hidden_layers` must be"],
    ["with a text for a number", { intermediate_size: "76" }, "model/invalid-config", '`intermediate_size` must be a whole number from 1 to 1048576, found the text "76"'],
    ["with a number beyond all numbers", { hidden_size: 1e400 }, "model/invalid-config", "`hidden_size` must be"],
    ["with heads that do not divide", { num_key_value_heads: 4 }, "model/invalid-config", "4 does not divide the 6 attention heads"],
    ["with a width that heads do not divide", { head_dim: undefined, hidden_size: 50 }, "model/invalid-config", "6 does not divide `hidden_size`, 50"],
    ["with an odd head", { head_dim: 7 }, "model/invalid-config", "needs an even number, found 7"],
    ["with a negative epsilon", { rms_norm_eps: -1e-5 }, "model/invalid-config", "`rms_norm_eps` must be a number"],
    ["with a base below one", { rope_theta: 0 }, "model/invalid-config", "`rope_theta` must be a number"],
    ["with a flag that is a word", { tie_word_embeddings: "yes" }, "model/invalid-config", "`tie_word_embeddings` must be true or false"],
    ["with a scaling that is a number", { rope_scaling: 2 }, "model/invalid-config", "`rope_scaling` must be an object, found 2"],
    ["with a scaling without its fields", { rope_scaling: { rope_type: "linear" } }, "model/invalid-config", "`rope_scaling.factor` must be"],
    [
      "with factors in disorder",
      { rope_scaling: { rope_type: "llama3", factor: 2, low_freq_factor: 4, high_freq_factor: 1, original_max_position_embeddings: 8 } },
      "model/invalid-config",
      "`rope_scaling.high_freq_factor`: 1 must be greater",
    ],
    ["with another scaling", { rope_scaling: { rope_type: "yarn" } }, "model/unsupported-config", "`rope_scaling.rope_type` is the text \"yarn\"; supported"],
    ["with another activation", { hidden_act: "gelu" }, "model/unsupported-config", "`hidden_act` is the text \"gelu\""],
    ["with another number format", { torch_dtype: "float64" }, "model/unsupported-config", "`torch_dtype` is the text \"float64\""],
    ["with biases in the MLP", { mlp_bias: true }, "model/unsupported-config", "`mlp_bias`: projections with a bias"],
    ["with a window of nothing", { sliding_window: 0 }, "model/invalid-config", "`sliding_window` must be a whole number from 1"],
    [
      "with a window in half of the layers",
      { architectures: ["Qwen2ForCausalLM"], use_sliding_window: true, sliding_window: 8, max_window_layers: 1 },
      "model/unsupported-config",
      "`max_window_layers`: a window in some of the layers",
    ],
    ["of a quantized checkpoint", { quantization_config: { bits: 4 } }, "model/unsupported-config", "`quantization_config`"],
    ["that rotates half a head", { partial_rotary_factor: 0.5 }, "model/unsupported-config", "`partial_rotary_factor`"],
    ["of an unknown architecture", { architectures: ["LLamaForCausalLM"] }, "model/unknown-architecture", '`architectures` names the text "LLamaForCausalLM"; known: `LlamaForCausalLM`'],
    ["of no architecture", { architectures: [], model_type: undefined }, "model/unknown-architecture", "`model_type` names nothing; known: `llama`"],
  ])("%s is refused", (_, config, code, message) => inTemporaryFolder((folder) => {
    const result = importWith(folder, config);
    expect(result.ok).toBe(false);
    expect(result.diagnostics[0]).toMatchObject({ code, at: join(folder, "config.json") });
    expect(result.diagnostics[0]?.message).toContain(message);
  }));

  test("is read to its end before it is refused", () => inTemporaryFolder((folder) => {
    const result = importWith(folder, { hidden_size: 0, vocab_size: "x", mlp_bias: true });
    expect(result.diagnostics.map((each) => each.code))
      .toEqual(["model/invalid-config", "model/invalid-config", "model/unsupported-config"]);
  }));

  test("of an architecture nearly right gets a suggestion", () => inTemporaryFolder((folder) => {
    const result = importWith(folder, { architectures: ["LlamaForCausalLm"] });
    expect(result.diagnostics[0]?.hint).toBe("did you mean `LlamaForCausalLM`?");
  }));
});

describe("a folder", () => {
  const refused = (path: string, given = options): readonly (readonly [string, string])[] =>
    importModel(path, files, given).diagnostics.map((each) => [each.code, each.message] as const);

  test("that does not exist is refused", () => {
    expect(refused("/no/such/model")).toEqual([["model/not-found", "there is no such file or folder"]]);
  });

  test("without a configuration is refused", () => inTemporaryFolder((folder) => {
    expect(refused(folder)).toEqual([["model/not-found", "the folder has no `config.json`"]]);
  }));

  test("is asked for when a file of another kind is given", () => inTemporaryFolder((folder) => {
    writeRandomLlama(folder);
    expect(refused(join(folder, "model.safetensors"))[0]?.[0]).toBe("model/not-found");
  }));

  test("whose configuration is no JSON is refused with a place", () => inTemporaryFolder((folder) => {
    writeFileSync(join(folder, "config.json"), '{"a": 1,}');
    const { diagnostics } = importModel(folder, files, options);
    expect(diagnostics[0]).toMatchObject({ code: "model/invalid-json", place: { span: { start: 8, end: 9 } } });
    writeFileSync(join(folder, "config.json"), "[]");
    expect(refused(folder)[0]?.[1]).toContain("must hold a JSON object, found a list");
  }));

  test("without weights is refused", () => inTemporaryFolder((folder) => {
    writeRandomLlama(folder);
    rmSync(join(folder, "model.safetensors"));
    expect(refused(folder)[0]?.[0]).toBe("model/no-weights");
  }));

  test.each<[ImportOptions, string]>([
    [{ blockSize: 0 }, "the block size must be from 1 to 1024, found 0"],
    [{ blockSize: 1.5 }, "the block size must be from 1 to 1024, found 1.5"],
    [{ blockSize: 16, contextLength: 65 }, "the context must be from 1 to the model's own 64, found 65"],
  ])("with the options %o is refused", (given, message) => inTemporaryFolder((folder) => {
    expect(refused(writeRandomLlama(folder), given)).toEqual([["model/invalid-option", message]]);
  }));
});

describe("weights that disagree with the configuration", () => {
  const tensors = randomLlamaTensors(tinyLlama, 1);
  const norm = "model.layers.1.input_layernorm.weight";

  function importTensors(folder: string, changed: typeof tensors): Result<ImportedModel> {
    mkdirSync(folder, { recursive: true });
    writeRandomLlama(folder);
    writeWeights(folder, changed);
    return importModel(folder, files, options);
  }

  test("lack a tensor", () => inTemporaryFolder((folder) => {
    const result = importTensors(folder, tensors.filter(({ name }) => name !== norm));
    expect(result.diagnostics).toHaveLength(1);
    expect(result.diagnostics[0]).toMatchObject({
      code: "model/missing-tensor",
      message: `the weights have no tensor \`${norm}\``,
      at: join(folder, "model.safetensors"),
    });
  }));

  test("have a tensor of another shape", () => inTemporaryFolder((folder) => {
    const ones = new Float32Array(47).fill(1);
    const other = storedTensor(norm, "f32", [47], ones);
    const result = importTensors(folder, tensors.map((each) => (each.name === norm ? other : each)));
    expect(result.diagnostics[0]).toMatchObject({
      code: "model/wrong-shape",
      message: `tensor \`${norm}\` has the shape [47]; the configuration implies [48]`,
    });
  }));

  test("have a tensor in a format that is not read", () => inTemporaryFolder((folder) => {
    const other = { name: norm, dtype: "F8_E4M3", shape: [48], bytes: new Uint8Array(48) };
    const result = importTensors(folder, tensors.map((each) => (each.name === norm ? other : each)));
    expect(result.diagnostics[0]).toMatchObject({
      code: "model/unsupported-dtype", message: `tensor \`${norm}\` is stored as F8_E4M3`,
    });
  }));

  test("may have layers in different formats", () => inTemporaryFolder((folder) => {
    const half = storedTensor(norm, "f16", [48], new Float32Array(48).fill(1));
    const result = importTensors(folder, tensors.map((each) => (each.name === norm ? half : each)));
    if (!result.ok) throw new Error(result.diagnostics[0]?.message);
    const { module, weights } = result.value;
    const step = module.functions.find(({ name }) => name === "step");
    const ranges = step?.operations.filter((each) => each.kind === "layers");
    expect(ranges?.map(({ body, first, count }) => [body, first, count])).toEqual([["layer_0", 0, 1], ["layer_1", 1, 1]]);
    expect(verifyModule(module, coreRegistry)).toEqual([]);
    weights?.close();
  }));

  test("are reported up to twenty at once", () => inTemporaryFolder((folder) => {
    const result = importTensors(folder, tensors.slice(-1));
    expect(result.diagnostics).toHaveLength(20);
  }));

  test("may have tensors besides in any format", () => inTemporaryFolder((folder) => {
    const extra = { name: "rotary.inv_freq", dtype: "F64", shape: [1], bytes: new Uint8Array(8) };
    const result = importTensors(folder, [...tensors, extra]);
    expect(result.ok).toBe(true);
    if (result.ok) result.value.weights?.close();
  }));
});

const stories = requireSharedModel("stories260K-hf");

test.skipIf(stories === "")("stories260K is imported from its folder", () => {
  const model = imported(stories);
  expect(model).toMatchObject({ name: "stories260K-hf", vocabulary: 512, contextLength: 512, tiedHead: true });
  expect(verifyModule(model.module, coreRegistry)).toEqual([]);
  expect(JSON.parse(readFileSync(join(stories, "config.json"), "utf8")).num_hidden_layers).toBe(model.config.layers);
});
