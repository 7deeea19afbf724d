// Rule files that mean harm, at the command line: a diagnostic each, in little memory, and nothing of the
// text that could drive a terminal.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import { createCli, diagnosticCodes } from "../support/run-cli.js";

const timeout = 120_000;
const cli = createCli();
const folder = mkdtempSync(join(tmpdir(), "llmir-hostile-"));

afterAll(() => {
  cli.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Megabytes of heap: more than any command needs, far less than a text that is taken at its word. */
const environment = { NODE_OPTIONS: "--max-old-space-size=192" };

function write(name: string, text: string | Uint8Array): string {
  const path = join(folder, `${name}.rules`);
  writeFileSync(path, text);
  return path;
}

const header = (name: string): string => `//! x\nrules ${name} simplify\n\n`;
const rules = (count: number): string =>
  Array.from({ length: count }, (_, i) => `/// x\nexact rule r${i} { neg(neg(?x)) => ?x }\n`).join("");
const deep = `${"neg(".repeat(10_000)}?x${")".repeat(10_000)}`;

write("ring_b", `${header("ring_b")}import "ring_a.rules"\n`);

const hostile: readonly (readonly [string, string | Uint8Array, string])[] = [
  ["big", `${header("big")}//${"x".repeat(10_000_000)}`, "rule/too-large"],
  ["many", header("many") + rules(100_000), "rule/too-large"],
  ["crowded", header("crowded") + rules(3000), "rule/too-large"],
  ["deep", `${header("deep")}exact rule a { ${deep} => ?x }`, "rule/too-large"],
  ["deep_guard", `${header("deep_guard")}exact rule a { neg(?x) => ?x where ${"(".repeat(10_000)}1`, "rule/too-large"],
  ["control", `${header("control")}exact rule a\u001b[2Jb { neg(?x) => ?x }`, "rule/syntax"],
  ["control_string", `${header("control_string")}import "\u001b]0;x\u0007.rules"`, "rule/syntax"],
  ["path", `${header("path")}import "../../../etc/passwd.rules"`, "rule/import-path"],
  ["absolute", `${header("absolute")}import "/etc/passwd.rules"`, "rule/import-path"],
  ["ring_a", `${header("ring_a")}import "ring_b.rules"\n`, "rule/import-cycle"],
  ["binary", Uint8Array.from({ length: 100_000 }, (_, i) => i % 256), "rule/syntax"],
];

describe.each(hostile)("%s", (name, text, code) => {
  const path = write(name, text);

  test.each(["check", "test", "mutate"])(`rules %s says ${code}`, { timeout }, async (command) => {
    const { exitCode, stderr, stdout } = await cli.run(["rules", command, path, "--json"], { environment });
    expect(exitCode, stderr.slice(0, 1000)).toBe(2);
    const codes = diagnosticCodes({ exitCode, stdout, stderr });
    expect(codes).toContain(code);
    expect(codes.length).toBeLessThanOrEqual(200);
    expect(stdout + stderr).not.toContain("\u001b");
  });

  test("as text for a person, it stays short and drives no terminal", { timeout }, async () => {
    const { stderr } = await cli.run(["rules", "check", path], { environment });
    expect(stderr).toContain(`error[${code}]`);
    expect(stderr.length).toBeLessThan(20_000);
     
    expect(stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f]/);
  });
});
