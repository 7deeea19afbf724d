// Continues a prompt: `node examples/generate.mjs [model folder] [prompt]`.

import { fileURLToPath } from "node:url";

import { load } from "llmir";

const tinyStories = fileURLToPath(new URL("tiny-stories", import.meta.url));
const [path = tinyStories, prompt = "Once upon a time"] = process.argv.slice(2);

const model = await load(path, { quantize: "q8" });
process.stdout.write(prompt);
for await (const piece of model.generate(prompt, { maxTokens: 50 })) process.stdout.write(piece);
process.stdout.write("\n");
await model.close();
