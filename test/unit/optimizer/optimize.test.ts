import { describe, expect, it } from "vitest";

import { validateExtraction } from "../../../src/egraph-ts/index.js";
import { typeBytes } from "../../../src/ir/index.js";
import { explainKernels } from "../../../src/optimizer/index.js";
import { validatePlan } from "../../../src/plan/index.js";
import { compileTiny, kernelNames, tryCompileTiny } from "../../support/compile-tiny.js";

describe("optimising a model", () => {
  it("reaches the fused kernels of the target from the plain graph", async () => {
    const compilation = await compileTiny();
    for (const scenario of ["decode", "prefill"] as const) {
      expect(kernelNames(compilation, scenario)).toEqual([
        "c.rms_norm",
        "c.matmul",
        "c.rope",
        "c.rope_append_kv",
        "c.paged_attention",
        "c.matmul_add",
        "c.rms_norm",
        "c.matmul",
        "c.swiglu",
        "c.matmul_add",
        "loops.gather",
        "loops.gather",
        "c.rms_norm",
        "c.matmul",
      ]);
    }
  });

  it("does the same work and emits the same functions whatever the depth", async () => {
    const [shallow, deep] = [await compileTiny({}, { layers: 2 }), await compileTiny({}, { layers: 40 })];
    expect(deep.optimized.report.nodesAfter).toBe(shallow.optimized.report.nodesAfter);
    expect(deep.plan.functions.map(({ name }) => name)).toEqual(
      shallow.plan.functions.map(({ name }) => name),
    );
    expect(deep.plan.weights.entries.length).toBe(shallow.plan.weights.entries.length);
  });

  it("is deterministic", async () => {
    const [once, again] = [await compileTiny(), await compileTiny()];
    expect(again.files).toEqual(once.files);
  });

  it("gives an extraction that its validator accepts", async () => {
    const { problem, extraction } = (await compileTiny({ quantize: "q4" })).optimized;
    expect(validateExtraction(problem, extraction)).toEqual([]);
  });

  it("packs weights once for decode and prefill together", async () => {
    const { plan } = await compileTiny({}, { dtype: "f16" });
    const packed = plan.weights.entries.filter(({ type }) => type.kind === "packed").map(({ name }) => name);
    expect(packed).toEqual(["q_proj_k_proj_v_proj", "o_proj", "gate_proj_up_proj", "down_proj", "lm_head"]);
  });

  it("keeps 16-bit weights in 16 bits", async () => {
    const { plan } = await compileTiny({ activations: "exact" }, { dtype: "bf16" });
    const formats = plan.weights.entries.flatMap(({ type }) => (type.kind === "packed" ? [type.format] : []));
    expect(formats.length).toBeGreaterThan(0);
    expect(formats.filter((format) => !format.startsWith("bf16_"))).toEqual([]);
  });
});

describe("budgets", () => {
  it("rounds weights only when that is allowed", async () => {
    const allowed = { none: /^never$/, q8: /^q8/, q4: /^q[48]/ } as const;
    for (const quantize of ["none", "q8", "q4"] as const) {
      const { plan } = await compileTiny(
        { quantize },
        { hiddenSize: 64, headDim: 8, heads: 8, intermediateSize: 64 },
      );
      const formats = plan.weights.entries.flatMap(({ type }) =>
        type.kind === "packed" ? [type.format] : [],
      );
      const quantized = formats.filter((format) => /^q[48]/.test(format));
      expect(quantized.length > 0).toBe(quantize !== "none");
      expect(quantized.every((format) => allowed[quantize].test(format))).toBe(true);
      expect(formats.some((format) => format.startsWith("q4"))).toBe(quantize === "q4");
    }
  });

  it("gives up speed for memory when the budget asks for it", async () => {
    const free = await compileTiny({ quantize: "q8" });
    const bytes = free.plan.weights.entries.reduce(
      (sum, { type, layers }) => sum + typeBytes(type) * (layers?.count ?? 1),
      0,
    );
    const tight = await compileTiny({ quantize: "q4", memoryBytes: bytes * 0.9 }, { hiddenSize: 64 });
    expect(tight.plan.weights.sizeBytes).toBeGreaterThan(0);
    const refused = await tryCompileTiny({ quantize: "none", memoryBytes: 1000 });
    expect(refused.diagnostics.map(({ code }) => code)).toEqual(["plan/memory-budget"]);
  });
});

describe("explaining a plan", () => {
  it("names rules, price and runner-up of every kernel", async () => {
    const compilation = await compileTiny();
    const stories = explainKernels(compilation.optimized);
    expect(stories.map(({ kernel }) => kernel)).toEqual([
      ...kernelNames(compilation, "decode"),
      // Of a batch: the plan runs the same kernels for it, hence no functions of its own.
      ...kernelNames(compilation, "decode"),
      ...kernelNames(compilation, "prefill"),
    ]);
    for (const { rules, predictedNs, runnerUp } of stories) {
      expect(rules.length).toBeGreaterThan(0);
      expect(predictedNs).toBeGreaterThan(0);
      expect(runnerUp?.extraNs ?? 0).toBeGreaterThanOrEqual(0);
    }
    expect(stories.filter(({ runnerUp }) => runnerUp !== undefined).length).toBeGreaterThan(
      stories.length / 2,
    );
    const attention = stories.find(({ kernel }) => kernel === "c.paged_attention");
    expect(attention?.rules.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        "recognize_attention",
        "recognize_causal_mask",
        "attend_in_pages",
        "c_paged_attention",
      ]),
    );
    expect(attention?.rules.every(({ file, line }) => file !== undefined && line !== undefined)).toBe(true);
  });
});

describe("leaving a family of rules out", () => {
  const families = [
    "algebra",
    "layout",
    "norms",
    "projections",
    "rope",
    "attention",
    "paging",
    "epilogues",
    "head",
    "quantization",
    "lower/c",
  ];

  it.each(families)("without %s the plan is still whole and valid", async (family) => {
    const { plan } = await compileTiny({ without: [family], quantize: "q8" });
    expect(validatePlan(plan)).toEqual([]);
  });

  it("without all of them every op runs from its loop form", async () => {
    const compilation = await compileTiny({ without: families });
    const kernels = new Set([...kernelNames(compilation, "decode"), ...kernelNames(compilation, "prefill")]);
    expect([...kernels].every((kernel) => kernel.startsWith("loops."))).toBe(true);
    expect(validatePlan(compilation.plan)).toEqual([]);
  });

  it("names the known families when one is misspelt", async () => {
    const refused = await tryCompileTiny({ without: ["atention"] });
    expect(refused.ok).toBe(false);
    expect(refused.diagnostics[0]?.hint).toContain("attention");
  });
});
