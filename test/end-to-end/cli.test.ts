// The command line as a process: exit codes, what goes to stdout and what to stderr, what is written.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import { inTemporaryFolder, writeRandomLlama } from "../support/models.js";
import { createCli, diagnosticCodes, repositoryRoot } from "../support/run-cli.js";

const cli = createCli();
afterAll(() => cli.remove());

const timeout = 120_000;

test("--version prints the package's version alone", { timeout }, async () => {
  const { version } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8"));
  expect(await cli.run(["--version"])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: "" });
});

test("a usage error is a diagnostic on stderr and exit code 2", { timeout }, async () => {
  const { exitCode, stdout, stderr } = await cli.run(["run", "m", "p", "--quantise", "q8"]);
  expect([exitCode, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("error[command/unknown-option]");
});

describe("what cannot be read is said with a hint", () => {
  test.each([
    [["run", "no/such/model", "Hello"], "model/not-found"],
    [["eval", "no/such/model", "no-such.txt"], "command/system"],
    [["ir", "no-such.mlir"], "command/system"],
    [["rules", "check", "no-such.rules"], "command/system"],
  ])("%j", { timeout }, async (args, code) => {
    const { exitCode, stdout, stderr } = await cli.run([...args, ...(args[0] === "ir" ? [] : ["--json"])]);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(code);
    expect(stderr).toContain("hint");
  });
});

test("with --json, diagnostics are one JSON document on stderr", { timeout }, async () => {
  const result = await cli.run(["explain", "no/such/model", "--json"]);
  expect([result.exitCode, result.stdout]).toEqual([2, ""]);
  expect(diagnosticCodes(result)).toEqual(["model/not-found"]);
});

test("hardware describes the machine, for people and for programs", { timeout }, async () => {
  const [text, json] = await Promise.all([
    cli.run(["hardware", "--threads", "1"]),
    cli.run(["hardware", "--threads", "1", "--json"]),
  ]);
  expect(text.stdout).toContain("GFLOP/s");
  const { threads, caches, families } = JSON.parse(json.stdout);
  expect(threads).toBe(1);
  expect(caches.length).toBeGreaterThan(0);
  expect(families.matmul.peakShare).toBeGreaterThan(0);
});

describe("compile --weights none", () => {
  test("writes the sources of a configuration and replaces only its own folder", { timeout }, () =>
    inTemporaryFolder(async (folder) => {
      const config = join(writeRandomLlama(join(folder, "tiny")), "config.json");
      const args = ["compile", config, "--weights", "none", "--json"];
      const first = await cli.run(args, { folder });
      expect(first.exitCode, first.stderr).toBe(0);
      const { model, functions } = JSON.parse(first.stdout);
      expect(model).toBe("config");
      expect(functions).toContain("step_decode");
      const written = readdirSync(join(folder, "config-c"));
      expect(written).toContain("compilation.json");
      expect(written.some((name) => name.endsWith(".c"))).toBe(true);
      expect((await cli.run(args, { folder })).exitCode).toBe(0);
      expect(readdirSync(folder).sort()).toEqual(["config-c", "tiny"]);
    }));

  test("leaves a folder of others as it is", { timeout }, () =>
    inTemporaryFolder(async (folder) => {
      const config = join(writeRandomLlama(join(folder, "tiny")), "config.json");
      mkdirSync(join(folder, "mine"));
      writeFileSync(join(folder, "mine", "thesis.txt"), "words");
      const result = await cli.run(["compile", config, "--weights", "none", "-o", "mine", "--json"], { folder });
      expect(result.exitCode).toBe(2);
      expect(diagnosticCodes(result)).toEqual(["command/output-exists"]);
      expect(readdirSync(join(folder, "mine"))).toEqual(["thesis.txt"]);
    }));

  test("says what does not fit the memory", { timeout }, () =>
    inTemporaryFolder(async (folder) => {
      const config = join(writeRandomLlama(join(folder, "tiny")), "config.json");
      const result = await cli.run(["compile", config, "--weights", "none", "--memory", "4K", "--json"], { folder });
      expect(result.exitCode).toBe(2);
      expect(diagnosticCodes(result)).toEqual(["plan/memory-budget"]);
      expect(readdirSync(folder)).toEqual(["tiny"]);
    }));
});

describe("eval", () => {
  const run = (text: string): ReturnType<typeof cli.run> =>
    inTemporaryFolder((folder) => {
      writeFileSync(join(folder, "text.txt"), text);
      const args = ["eval", writeRandomLlama(folder), join(folder, "text.txt"), "--executor", "reference", "--json"];
      return cli.run([...args, "--chunk-chars", "8", "--chunks", "3"]);
    });

  test("predicts every token of each chunk but the first", { timeout }, async () => {
    const { stdout, stderr } = await run("abcdefgh".repeat(2) + "abc");
    expect(stderr).toBe("");
    const { meanNll, tokens, chunks } = JSON.parse(stdout);
    expect([tokens, chunks]).toEqual([19, 3]);
    // The weights are random, so a guess is about as good.
    expect(meanNll).toBeGreaterThan(3);
    expect(meanNll).toBeLessThan(12);
  });

  test("of an empty text is refused", { timeout }, async () => {
    const result = await run("");
    expect([result.exitCode, result.stdout]).toEqual([2, ""]);
    expect(diagnosticCodes(result)).toEqual(["command/text-too-short"]);
  });
});

describe("ir", () => {
  test("prints a text that it accepts again", { timeout }, () =>
    inTemporaryFolder(async (folder) => {
      const model = writeRandomLlama(join(folder, "tiny"));
      const printed = await cli.run(["ir", model]);
      expect(printed.exitCode, printed.stderr).toBe(0);
      const file = join(folder, "tiny.mlir");
      writeFileSync(file, printed.stdout);
      const again = await cli.run(["ir", file]);
      expect(again.stdout).toBe(printed.stdout);
      expect((await cli.run(["ir", file, "--check"])).stdout).toContain(": ok, 2 functions");
      const one = await cli.run(["ir", file, "--function", "layer"]);
      expect(one.stdout).toContain("func.func private @layer(");
      expect(one.stdout).not.toContain("@step(");
    }));

  test("suggests the function that was meant", { timeout }, () =>
    inTemporaryFolder(async (folder) => {
      const model = writeRandomLlama(join(folder, "tiny"));
      const { exitCode, stderr } = await cli.run(["ir", model, "--function", "layr"]);
      expect(exitCode).toBe(2);
      expect(stderr).toContain("error[command/unknown-function]");
      expect(stderr).toContain("did you mean `layer`?");
    }));

  test("refuses an unknown op at its place", { timeout }, () =>
    inTemporaryFolder(async (folder) => {
      const file = join(folder, "odd.mlir");
      writeFileSync(
        file,
        `module {
  func.func private @f(%x: tensor<4xf32>) -> tensor<4xf32> {
    %y = "llm.sillu"(%x) : (tensor<4xf32>) -> tensor<4xf32>
    return %y : tensor<4xf32>
  }
}
`,
      );
      const { exitCode, stdout, stderr } = await cli.run(["ir", file, "--check"]);
      expect([exitCode, stdout]).toEqual([2, ""]);
      expect(stderr).toContain("error[ir/unknown-op]");
      expect(stderr).toContain("odd.mlir:3:");
      expect(stderr).toContain("silu");
    }));
});
