// Help and usage errors, without starting a process.

import { describe, expect, test } from "vitest";

import { runInProcess as run } from "../../support/run-in-process.js";

const commands = ["run", "compile", "explain", "ir", "rules", "eval", "hardware", "demo"];

const workbench = ["test", "fmt", "mutate", "why-not", "ablate", "coverage", "profile"].map((each) => `rules ${each}`);

describe("help", () => {
  test("of llmir names every command", async () => {
    const { exitCode, stdout, stderr } = await run("--help");
    expect([exitCode, stderr]).toEqual([0, ""]);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
  });

  test("is what llmir alone answers", async () => {
    expect(await run()).toEqual(await run("--help"));
  });

  test.each([...commands.filter((each) => each !== "rules"), "rules list", "rules check", ...workbench])("of %s has an example", async (command) => {
    const { exitCode, stdout } = await run(...command.split(" "), "--help");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Examples?:\\n  llmir ${command}`, "m"));
  });

  test("shows defaults and choices", async () => {
    const { stdout } = await run("run", "--help");
    expect(stdout.replace(/\s+/g, " ")).toContain('(choices: "none", "q8", "q4", default: "none")');
    expect(stdout.replace(/\s+/g, " ")).toContain("(default: 128)");
  });
});

describe("a usage error is a diagnostic", () => {
  test.each([
    [["comple", "x"], "command/unknown-command", "did you mean `compile`?"],
    [["run", "m", "p", "--quantise", "q8"], "command/unknown-option", "did you mean `--quantize`?"],
    [["run", "m", "p", "--quantize", "q9"], "command/invalid-argument", "none, q8, q4"],
    [["run", "m", "p", "-n", "0"], "command/invalid-argument", "a whole number from 1"],
    [["run", "m", "p", "--memory", "lots"], "command/invalid-argument", "512M"],
    [["run", "m"], "command/arguments", "missing required argument `prompt`"],
    [["ir", "a", "b"], "command/arguments", "too many arguments"],
    [["run", "m", "p", "--top-p", "1.5"], "model/invalid-sampling", "`topP`"],
    [["hardware", "--target", "cc"], "plan/unknown-target", "did you mean `c`?"],
  ])("%j", async (argv, code, words) => {
    const { exitCode, stdout, stderr } = await run(...argv);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(`error[${code}]`);
    expect(stderr).toContain(words);
  });
});
