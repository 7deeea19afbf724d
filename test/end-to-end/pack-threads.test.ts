// Packing on several threads gives the file that one thread gives. Threads load compiled modules, so this
// runs the compiled program.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

const script = `
  const [root] = process.argv.slice(1);
  const { compileModel } = await import(root + "dist/src/compiler/index.js");
  const { packPart, packTasks, packWeights, PackCollector } = await import(root + "dist/src/compiler/pack.js");
  const { createNodeHost } = await import(root + "dist/src/host/index.js");
  const host = createNodeHost();
  const compiled = compileModel(host, root + "examples/tiny-stories", { quantize: "q8", uncheckedRules: true });
  const { plan, optimized, model } = compiled.value;
  const { registry } = optimized.input.pricing.target;
  const source = { plan: { weights: plan.weights }, constants: optimized.selected.constants.map(({ term }) => ({ term })) };
  const makeFile = () => {
    const bytes = new Uint8Array(plan.weights.sizeBytes);
    return { bytes, writeAt: (offset, part) => bytes.set(part, offset) };
  };
  const alone = makeFile();
  const report = packWeights({ ...source, registry, weights: model.weights, writeAt: alone.writeAt });
  const shared = makeFile();
  const tasks = packTasks(source, registry);
  const collector = new PackCollector(source, tasks);
  const setup = { source, location: model.weights.location };
  await host.onThreads({
    module: "src/compiler/pack-thread.js", setup, tasks, threads: 3,
    onResult: (task, result) => collector.add(task, result, shared.writeAt),
  });
  const failure = await host.onThreads({
    module: "src/compiler/pack-thread.js", setup, tasks: [{ entry: -1 }], threads: 1, onResult: () => undefined,
  }).then(() => "none", (error) => error.name);
  console.log(JSON.stringify({
    same: Buffer.compare(alone.bytes, shared.bytes) === 0,
    isEmpty: alone.bytes.every((byte) => byte === 0),
    sameReport: JSON.stringify(report.value) === JSON.stringify(collector.report()),
    errors: report.value.quantization.length, failure,
  }));
`;

test("threads pack what one thread packs, and an error of a thread is told", () => {
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script, join(root, "/")], {
    encoding: "utf8",
  });
  const found = JSON.parse(output) as Record<string, unknown>;
  expect(found).toMatchObject({ same: true, isEmpty: false, sameReport: true, failure: "TypeError" });
  expect(found["errors"]).toBeGreaterThan(0);
}, 60_000);
