// Plans a model and says why its five dearest kernels were chosen:
// `node examples/compile-and-explain.mjs [model folder or config.json]`.

import { fileURLToPath } from "node:url";

import { compile, renderDiagnostics } from "llmir";

const tinyStories = fileURLToPath(new URL("tiny-stories", import.meta.url));
const [path = tinyStories] = process.argv.slice(2);

const result = compile(path, { quantize: "q8", threads: 1 });
if (!result.ok) {
  console.error(renderDiagnostics(result.diagnostics));
  process.exit(2);
}

const { report, files, explain } = result.value;
console.log(`${report.nodesBefore} nodes became ${report.nodesAfter}; ${files.length} files were emitted`);

const stories = explain().filter(({ scenario }) => scenario === "decode");
const dearest = stories.sort((a, b) => b.predictedNs * b.calls - a.predictedNs * a.calls).slice(0, 5);
for (const { func, value, kernel, predictedNs, calls, rules, runnerUp } of dearest) {
  const chain = rules.map(({ name }) => name).join(" → ");
  const lost = runnerUp === undefined ? "there is no other way" : `the next best costs ${Math.round(runnerUp.extraNs)} ns more`;
  console.log(`@${func} %${value}: ${kernel}, ${Math.round(predictedNs)} ns × ${calls}`);
  console.log(`  by ${chain || "no rule"}; ${lost}`);
}
