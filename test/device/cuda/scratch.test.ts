import { writeFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "vitest";
import { compileModel } from "../../../src/compiler/index.js";
import { renderDiagnostics } from "../../../src/diagnostics/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import { cudaBackend } from "../../../backends/cuda/index.js";
test("x", { timeout: 600000 }, async () => {
  const host = createNodeHost();
  const arch = process.env["ARCH"] ?? "sm_90";
  const quantize = (process.env["Q"] ?? "none") as "none";
  const r = compileModel(host, process.env["MODEL"] ?? "/work/shared/models/configs/Meta-Llama-3.1-8B.json", { target: "cuda", quantize });
  if (!r.ok) throw new Error(renderDiagnostics(r.diagnostics));
  const folder = process.env["OUT"] ?? "/tmp/llama8b";
  for (const { path, text } of r.value.files) { mkdirSync(dirname(join(folder, path)), { recursive: true }); writeFileSync(join(folder, path), text); }
  console.log(r.value.files.map((f) => f.path).join(" "));
  if (process.env["NOBUILD"]) return;
  const t = Date.now();
  const built = await cudaBackend.build(host, folder, { arch });
  console.log(built, Date.now() - t);
});
