// The tutorials as they are written: each file in turn, each command, and what it prints but for the times.

import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import { createCli, hasCompiler, repositoryRoot } from "../support/run-cli.js";

const timeout = 600_000;
const cli = createCli();
const folder = mkdtempSync(join(tmpdir(), "llmir-tutorial-"));
symlinkSync(join(repositoryRoot, "examples"), join(folder, "examples"));

afterAll(() => {
  cli.remove();
  rmSync(folder, { recursive: true, force: true });
});

type Step =
  | { readonly kind: "file"; readonly name: string; readonly text: string }
  | { readonly kind: "command"; readonly args: readonly string[]; readonly output: readonly string[] };

/** What a document tells its reader to write and to run, in order. */
function stepsOf(document: string): readonly Step[] {
  const blocks = [...document.matchAll(/^```(rules file=(\S+)|console)\n([^]*?)^```$/gm)];
  return blocks.flatMap(([, , name, text = ""]): readonly Step[] => {
    if (name !== undefined) return [{ kind: "file", name, text }];
    return text.split(/^\$ llmir /m).slice(1).map((each) => {
      const [command = "", ...output] = each.trimEnd().split("\n");
      return { kind: "command", args: command.split(" "), output };
    });
  });
}

/** What differs from run to run: times with the blanks before them, changes in percent. */
const measured = / *\d+(?:\.\d+)? (?:ns|µs|ms|s)(?![a-z])|\([+-][\d.]+ %\)/g;
const anyMeasured = " *(?:[\\d.]+ (?:ns|µs|ms|s)|\\([+-][\\d.]+ %\\))";

/**
 * A line of a document as a pattern: `…` is anything, a measured number any such number, and a gap between
 * columns, which is as wide as the longest number asks for, any such gap.
 */
function patternOf(line: string): string {
  const words = line.trimEnd().split(measured);
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/ {2,}/g, " {2,}"));
  return escaped.join(anyMeasured).replaceAll("…", ".*");
}

function expectOutput(found: string, wanted: readonly string[]): void {
  const lines = wanted.map((line) => (line === "…" ? "(?:.*\\n)*?" : `${patternOf(line)}\\n`));
  expect(found).toMatch(new RegExp(`^${lines.join("")}$`));
}

/** Progress is for the eye, and its times differ. */
function withoutProgress(text: string): string {
  return text.replace(/^llmir: .*\n/gm, "");
}

const tutorials = readdirSync(join(repositoryRoot, "docs", "tutorials")).filter((name) => name.endsWith(".md"));

describe.each(tutorials)("%s", (name) => {
  const steps = stepsOf(readFileSync(join(repositoryRoot, "docs", "tutorials", name), "utf8"));
  const compiler = hasCompiler();

  test("has files and commands", () => {
    expect(new Set(steps.map(({ kind }) => kind))).toEqual(new Set(["file", "command"]));
  });

  test("prints what it says", { timeout }, async () => {
    for (const step of steps) {
      if (step.kind === "file") {
        writeFileSync(join(folder, step.name), step.text);
        continue;
      }
      if (step.args.includes("--measure") && !compiler) continue;
      const { stdout, stderr } = await cli.run(step.args, { folder });
      // A pipe shows stdout first.
      expectOutput(withoutProgress(`${stdout}${stderr}`), step.output);
    }
  });
});

describe("the comparison refuses", () => {
  test.each([
    ["a\nb\n", ["a"]],
    ["a\n", ["a", "b"]],
    ["x 1 ns\n", ["y 1 ns"]],
    ["passed 3\n", ["passed 4"]],
    ["1 ns (+3 %)\n", ["1 ns"]],
    ["a  b\n", ["a b"]],
  ])("%j for %j", (found, wanted) => {
    expect(() => {
      expectOutput(found, wanted);
    }).toThrow();
  });

  test("and accepts other times", () => {
    expectOutput("a = b    9.81 ms × 6 = 17 µs\nlast\n", ["a = b    1.05 µs × 6 = 6.29 µs", "…"]);
    expectOutput("  x  310 µs (-20.8 %)\n", ["  x    157 µs (+3.9 %)"]);
    expectOutput("  name   measured\n  x     310 µs\n", ["  name  measured", "  x      9.8 µs"]);
  });
});
