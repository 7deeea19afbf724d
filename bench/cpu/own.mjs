// llmir's side: compiles a model with the library of this checkout, and starts the program that times it.

import { startProgram } from "./programs.mjs";

const sequenceBlocks = 256;

export async function buildOwn(program, file, options) {
  const { buildArtifact, compileModel } = await import("../../dist/src/compiler/index.js");
  const { createNodeHost } = await import("../../dist/src/host/index.js");
  const host = createNodeHost();
  const compiled = compileModel(host, file, { ...options, uncheckedRules: true });
  if (!compiled.ok) throw new Error(compiled.diagnostics.map((each) => each.message).join("; "));
  const { plan, model } = compiled.value;
  try {
    const started = performance.now();
    const built = await buildArtifact(host, compiled.value, {});
    if (!built.ok) throw new Error(built.diagnostics.map((each) => each.message).join("; "));
    const { programPath, weightsPath, cached } = built.value;
    if (!cached) console.error(`packed in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    const { vocabulary, capacity, kv } = plan;
    const child = startProgram(program);
    const blocks = capacity.blocksPerSequence + sequenceBlocks;
    await child.ask("model", programPath, weightsPath, options.threads, blocks, vocabulary, kv.type.blockSize, capacity.blocksPerSequence);
    return child;
  } finally {
    model.weights?.close();
  }
}
