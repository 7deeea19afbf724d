import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as engine from "../../../src/egraph-ts/index.js";

test("the README's example prints what it says", () => {
  const readme = readFileSync(new URL("../../../src/egraph-ts/README.md", import.meta.url), "utf8");
  const [, code = ""] = /```js\n([\s\S]*?)```/.exec(readme) ?? [];
  const [, names = ""] = /^import (\{.*\}) from "llmir\/egraph-ts";$/m.exec(code) ?? [];
  const [, promised] = /^\/\/ prints: (.*)$/m.exec(code) ?? [];
  const printed: string[] = [];
  const log = (...words: readonly unknown[]): void => void printed.push(words.join(" "));
  const body = code.replace(/^import .*$/m, `const ${names} = engine;`);
  new Function("engine", "console", body)(engine, { log });
  expect(printed).toEqual([promised]);
});
