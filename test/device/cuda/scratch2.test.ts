import { join } from "node:path";
import { test } from "vitest";
import { renderDiagnostics } from "../../../src/diagnostics/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import { loadModel } from "../../../src/runtime/index.js";
import { inTemporaryFolder } from "../../support/models.js";
test("x", { timeout: 600000 }, async () => {
  await inTemporaryFolder(async (folder) => {
    const host = createNodeHost();
    const t = Date.now();
    const r = await loadModel({ ...host, cacheRoot: folder, environment: (n) => n === "NVCC" ? "/work/main/test/device/cuda/emulate/nvcc" : host.environment(n) }, process.env["MODEL"] ?? "/work/shared/models/stories260K-hf", { target: "cuda", quantize: (process.env["Q"] ?? "none") as "none" }, { stage: (n, ms) => console.log(n, ms) });
    if (!r.ok) throw new Error(renderDiagnostics(r.diagnostics));
    console.log("loaded", Date.now() - t);
    const g = r.value.generate("Once upon a time", { maxTokens: 30, temperature: 0 });
    if (!g.ok) throw new Error(renderDiagnostics(g.diagnostics));
    let text = "";
    for await (const piece of g.value) text += piece;
    console.log(text, Date.now() - t);
    await r.value.close();
  });
});
