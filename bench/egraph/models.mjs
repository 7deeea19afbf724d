// The optimizer on the graphs of Llama 3.1: what saturation and extraction take once the engine is warm, and
// whether every run gives the same plan. Only the configuration of a model is needed, not its weights.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LLAMA = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 128256,
  max_position_embeddings: 131072,
  num_key_value_heads: 8,
  hidden_act: "silu",
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  rope_scaling: {
    rope_type: "llama3",
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  },
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
  bos_token_id: 128000,
  eos_token_id: 128001,
};

const MODELS = {
  "Llama-3.1-8B": { hidden_size: 4096, intermediate_size: 14336, num_hidden_layers: 32, num_attention_heads: 32 },
  "Llama-3.1-70B": { hidden_size: 8192, intermediate_size: 28672, num_hidden_layers: 80, num_attention_heads: 64 },
};

const RUNS = 6;

export function modelConfig(name) {
  return { ...LLAMA, ...MODELS[name] };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

function compiledRuns(compile, path, options) {
  const runs = [];
  for (let run = 0; run < RUNS; run++) {
    const compiled = compile(path, options);
    if (!compiled.ok) throw new Error(compiled.diagnostics.map(({ message }) => message).join("; "));
    const { report, files } = compiled.value;
    runs.push({ report, text: files.map(({ text }) => text).join("\n") });
  }
  return runs;
}

export async function modelTable() {
  const { compile } = await import("llmir");
  const lines = [["model", "e-nodes", "saturation ms (first)", "extraction ms (first)", "runs agree"]];
  for (const name of Object.keys(MODELS)) {
    const folder = mkdtempSync(join(tmpdir(), "bench-model-"));
    try {
      const path = join(folder, "config.json");
      writeFileSync(path, JSON.stringify(modelConfig(name)));
      const runs = compiledRuns(compile, path, { memoryBytes: 1e12 });
      const time = (key) => {
        const times = runs.map(({ report }) => report[key]);
        return `${median(times.slice(1)).toFixed(1)} (${times[0].toFixed(1)})`;
      };
      const agree = runs.every(({ text }) => text === runs[0].text);
      const nodes = String(runs[0].report.nodesAfter);
      lines.push([name, nodes, time("saturationMs"), time("extractionMs"), agree ? "yes" : "NO"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) => line.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd()).join("\n");
}
