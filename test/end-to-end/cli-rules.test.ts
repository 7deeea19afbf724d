// Rule files at the command line: the shipped ones listed, strangers' ones checked.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import { inTemporaryFolder } from "../support/models.js";
import { createCli, diagnosticCodes } from "../support/run-cli.js";

const cli = createCli();
afterAll(() => cli.remove());

const timeout = 120_000;

test("rules list --json is an array of records with file and line", { timeout }, async () => {
  const { exitCode, stdout, stderr } = await cli.run(["rules", "list", "--json"]);
  expect([exitCode, stderr]).toEqual([0, ""]);
  const rules: readonly Record<string, unknown>[] = JSON.parse(stdout);
  expect(rules.length).toBeGreaterThan(20);
  for (const rule of rules) {
    expect(Object.keys(rule)).toEqual(["name", "file", "line", "numerics", "family", "purpose", "doc"]);
    expect(rule["line"]).toBeGreaterThan(0);
    expect(rule["doc"]).not.toBe("");
    expect(["exact", "reassociates", "approximate"]).toContain(rule["numerics"]);
  }
});

/** Checks one rule file of the given text. */
function check(text: string, ...args: readonly string[]): ReturnType<typeof cli.run> {
  return inTemporaryFolder((folder) => {
    writeFileSync(join(folder, "mine.rules"), text);
    return cli.run(["rules", "check", join(folder, "mine.rules"), ...args]);
  });
}

describe("rules check FILE", () => {
  test("passes a sound rule", { timeout }, async () => {
    const { exitCode, stdout, stderr } = await check(`//! Mine.
rules mine simplify

/// -(-x) = x
exact rule twice { neg(neg(?x)) => ?x }
`);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/^ {2}sound +twice/m);
  });

  test("shows a counter-example of an unsound rule, and exits with 2", { timeout }, async () => {
    const text = `//! Mine.
rules mine simplify

/// Subtraction does not commute.
exact rule swapped { sub(?a, ?b) => sub(?b, ?a) }
`;
    const { exitCode, stdout, stderr } = await check(text);
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/^ {2}unsound +swapped/m);
    expect(stderr).toContain("error[rule/unsound]");
    expect(stderr).toContain("mine.rules:5:");
    expect(stderr).toMatch(/\?a = tensor</);
  });

  test("finds kernels of the C target by name", { timeout }, async () => {
    const { exitCode, stderr } = await check(`//! Mine.
rules mine lower

/// One pass a row.
reassociates rule norm {
  rms_norm(?x, ?g, epsilon: ?e) => c.rms_norm(?x, ?g, epsilon: ?e)
  where rank(?x) == 2
}
`);
    expect(exitCode, stderr).toBe(0);
  });

  test.each([
    ["a typo in an op", "exact rule r { neg(negg(?x)) => ?x }", "rule/unknown-op"],
    ["a variable that nothing binds", "exact rule r { neg(neg(?x)) => ?y }", "rule/unbound-variable"],
    ["sides of different types", "exact rule r { compare(?a, ?b, predicate: \"eq\") => add(?a, ?b) }", "rule/type-mismatch"],
    ["broken syntax", "exact rule r { neg(neg(?x) => ?x }", "rule/syntax"],
  ])("refuses %s", { timeout }, async (_, rule, code) => {
    const result = await check(`//! Mine.\nrules mine simplify\n\n/// A law.\n${rule}\n`, "--json");
    expect(result.exitCode).toBe(2);
    expect(diagnosticCodes(result)).toContain(code);
    const { diagnostics } = JSON.parse(result.stderr);
    expect(diagnostics[0].place).toMatchObject({ file: expect.stringContaining("mine.rules"), line: 5 });
  });
});
