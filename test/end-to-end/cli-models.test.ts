// Real models through the command line: the text, the likelihood, the plan, against recorded references.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import { quickCompiler } from "../support/all-targets.js";
import { inTemporaryFolder, requireSharedModel } from "../support/models.js";
import { createCli, hasCompiler, repositoryRoot, runScript } from "../support/run-cli.js";

const cli = createCli();
afterAll(() => cli.remove());

const timeout = 300_000;
const compiler = hasCompiler();
const stories = requireSharedModel("stories260K-hf");
const greedy = requireSharedModel("stories260K", "greedy-256.txt");
const evalText = requireSharedModel("eval-text", "tinystories-valid-first.txt");
const configs = requireSharedModel("configs");
const skipStories = !compiler || stories === "" || greedy === "";

interface Rule {
  readonly family: string;
}

describe.skipIf(skipStories)("run continues stories260K greedily with the reference text", () => {
  /** The reference has 256 tokens after the beginning of the text, of which the prompt is four. */
  const args = ["run", stories, "Once upon a time", "-n", "252", "--temperature", "0", "--quantize", "none"];
  // A number of threads that is given makes equal plans, which are built once for all tests.
  args.push("--threads", "2");
  const reference = (): string => readFileSync(greedy, "utf8");

  test.each(["1", "2"])("with --threads %s", { timeout }, async (threads) => {
    const result = await cli.run([...args, "--threads", threads]);
    expect(result.stdout, result.stderr).toBe(reference());
    expect(result.stderr).toContain("tokens/s");
  });

  test("without each rule family, and without all of them", { timeout }, async () => {
    const rules: readonly Rule[] = JSON.parse((await cli.run(["rules", "list", "--json"])).stdout);
    const families = [...new Set(rules.map(({ family }) => family))];
    expect(families.length).toBeGreaterThan(5);
    const texts: Record<string, string> = {};
    const environment = { CC: quickCompiler };
    for (const family of [...families, families.join(",")]) {
      const { stdout, stderr } = await cli.run([...args, "--quiet", "--without", family], { environment });
      texts[family] = stdout === reference() ? "the reference" : stdout + stderr;
    }
    expect(texts).toEqual(Object.fromEntries(Object.keys(texts).map((family) => [family, "the reference"])));
  });

  test("a shorter one is its beginning", { timeout }, async () => {
    const short = await cli.run([...args, "-n", "250", "--quiet"]);
    expect(short.stderr).toBe("");
    expect(short.stdout.endsWith("\n")).toBe(true);
    const text = short.stdout.slice(0, -1);
    expect(reference().startsWith(text)).toBe(true);
    expect(reference().length - text.length).toBeLessThan(16);
  });

  test("as one JSON document", { timeout }, async () => {
    const { exitCode, stdout, stderr } = await cli.run([...args, "--json"]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    const { prompt, text, promptTokens, newTokens, stop } = JSON.parse(stdout);
    expect(`${prompt}${text}\n`).toBe(reference());
    expect([promptTokens, newTokens, stop]).toEqual([5, 252, "length"]);
  });

  test("until Ctrl-C, which ends it cleanly", { timeout }, async () => {
    let sent = false;
    const result = await cli.run([...args, "-n", "450"], {
      onOutput: (chunk) => {
        if (sent || !chunk.includes("time,")) return undefined;
        sent = true;
        return "SIGINT";
      },
    });
    expect([130, 0]).toContain(result.exitCode);
    expect(result.stdout.endsWith("\n")).toBe(true);
    expect(result.stderr).not.toContain("internal error");
  });
});

test.skipIf(skipStories || evalText === "")("eval gives the recorded likelihood of stories260K", { timeout }, async () => {
  const args = ["eval", stories, evalText, "--quantize", "none", "--threads", "2", "--json"];
  const { stdout, stderr } = await cli.run(args);
  expect(stderr).toBe("");
  const { meanNll, perplexity, tokens, chunks } = JSON.parse(stdout);
  expect(meanNll).toBeCloseTo(1.391509, 3);
  expect(perplexity).toBeCloseTo(Math.exp(meanNll), 9);
  expect([tokens, chunks]).toEqual([4906, 10]);
});

interface Scenario {
  readonly name: string;
  readonly predictedNs: number;
  readonly kernels: readonly {
    readonly func: string;
    readonly value: string;
    readonly kernel: string;
    readonly predictedNs: number;
    readonly calls: number;
    readonly rules: readonly { readonly file: string; readonly line: number }[];
  }[];
}

test.skipIf(stories === "")("explain tells the story of every kernel", { timeout }, async () => {
  const [json, text] = await Promise.all([
    cli.run(["explain", stories, "--scenario", "all", "--json"]),
    cli.run(["explain", stories]),
  ]);
  expect([json.exitCode, json.stderr]).toEqual([0, ""]);
  const { scenarios } = JSON.parse(json.stdout) as { readonly scenarios: readonly Scenario[] };
  expect(scenarios.map(({ name }) => name)).toEqual(["decode", "batch", "prefill"]);
  for (const { kernels, predictedNs } of scenarios) {
    const total = kernels.reduce((sum, each) => sum + each.predictedNs * each.calls, 0);
    expect(total).toBeCloseTo(predictedNs, 0);
    for (const kernel of kernels) {
      expect([kernel.func, kernel.value]).not.toContain("");
      expect(kernel.kernel).toMatch(/^(c|loops)\./);
      expect(kernel.calls).toBeGreaterThan(0);
      expect(kernel.rules.length).toBeGreaterThan(0);
    }
  }
  const rules = scenarios.flatMap(({ kernels }) => kernels.flatMap((kernel) => kernel.rules));
  expect(rules.some(({ file, line }) => file === "lower/c.rules" && line > 0)).toBe(true);
  expect(text.stdout).toMatch(/c_matmul \(lower\/c\.rules:\d+\)/);
  expect(text.stdout).toContain("runner-up");
});

test.skipIf(configs === "")("a deeper model needs no more functions and no more search", { timeout }, async () => {
  const plan = (name: string): Promise<Record<string, number> & { functions: readonly string[] }> =>
    inTemporaryFolder(async (folder) => {
      const args = ["compile", join(configs, `${name}.json`), "--weights", "none", "-o", join(folder, "out"), "--json"];
      const { stdout, stderr } = await cli.run(args);
      expect(stdout, stderr).not.toBe("");
      return JSON.parse(stdout);
    });
  const small = await plan("Meta-Llama-3.1-8B");
  const large = await plan("Meta-Llama-3.1-70B");
  for (const [name, { saturationMs, extractionMs }] of Object.entries({ "8B": small, "70B": large })) {
    console.log(`${name}: saturation ${saturationMs?.toFixed(0)} ms, extraction ${extractionMs?.toFixed(0)} ms`);
  }
  expect(large.functions).toEqual(small.functions);
  expect(large["nodesAfter"]).toBe(small["nodesAfter"]);
});

describe.skipIf(!compiler)("the model that comes with llmir", () => {
  interface Reference {
    readonly greedy: readonly {
      readonly prompt: string;
      readonly text: string;
      readonly max_new_tokens: number;
    }[];
  }

  test("writes its recorded continuations", { timeout }, async () => {
    const recorded = readFileSync(join(repositoryRoot, "examples", "tiny-stories", "expected.json"), "utf8");
    for (const { prompt, text, max_new_tokens: most } of (JSON.parse(recorded) as Reference).greedy) {
      const { stdout } = await cli.run(["run", "examples/tiny-stories", prompt, "-n", String(most), "--quiet"]);
      expect(stdout).toBe(`${prompt}${text}\n`);
    }
  });

  test("tells the same story at each demo", { timeout }, async () => {
    const [first, second] = [await cli.run(["demo"]), await cli.run(["demo"])];
    expect(first.exitCode, first.stderr).toBe(0);
    const story = (text: string): string => /^Once upon a time[^]*?\n\n/m.exec(text)?.[0] ?? "";
    expect(story(first.stdout).length).toBeGreaterThan(200);
    expect(story(second.stdout)).toBe(story(first.stdout));
    expect(first.stdout).toContain("Rules that fired");
    expect(first.stdout).toMatch(/predicted +[\d.]+ .s a token/);
    expect(first.stdout).toMatch(/measured +[\d.]+ .s a token/);
  });

  test.each(["examples/generate.mjs", "examples/compile-and-explain.mjs"])("%s runs", { timeout }, async (script) => {
    const { exitCode, stdout, stderr } = await runScript(script, [], cli.cache);
    expect(exitCode, stderr).toBe(0);
    expect(stdout.length).toBeGreaterThan(100);
  });
});

describe("without a C compiler", () => {
  // A path without programs; node itself is started by its own path.
  const environment = { PATH: "/nonexistent", CC: "" };

  test("run says what to install", { timeout }, async () => {
    const { exitCode, stdout, stderr } = await cli.run(
      ["run", "examples/tiny-stories", "A word that no other test compiles", "--without", "head,rope,norms"],
      { environment },
    );
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("error[target/no-c-compiler]");
    expect(stderr).toContain("apt install gcc");
  });

  test("demo goes on with the reference evaluator", { timeout }, () =>
    inTemporaryFolder(async (folder) => {
      const result = await cli.run(["demo", "-n", "4"], { environment: { ...environment, LLMIR_CACHE: folder } });
      expect(result.exitCode, result.stderr).toBe(0);
      expect(result.stderr).toContain("apt install gcc");
      expect(result.stdout).toContain("reference evaluator");
      expect(result.stdout).toContain("Once upon a time");
    }));
});
