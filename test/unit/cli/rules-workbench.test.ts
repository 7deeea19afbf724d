// The commands of the workbench in one process: what their JSON holds, on a model and on a configuration
// alone.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import { requireSharedModel } from "../../support/models.js";
import { createCommandFolder } from "../../support/run-in-process.js";

const timeout = 120_000;
const commands = createCommandFolder();
const { folder, run, file, codes } = commands;

afterAll(() => {
  commands.remove();
});

async function json(...argv: readonly string[]) {
  const { exitCode, stdout, stderr } = await run("rules", ...argv, "--json");
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout);
}

const sound = `//! Mine.
rules mine simplify

/// −(−x) = x
exact rule my_neg {
  neg(neg(?x)) => ?x
}

given ?x: f32[T, 8]

test "twice" {
  neg(neg(?x)) => ?x
}

test "once" {
  neg(?x) !=> ?x
}
`;

describe("rules check", () => {
  test("keeps what was sound, and forgets it when the rule changes", { timeout }, async () => {
    const path = file("mine.rules", sound);
    const [first] = await json("check", path);
    expect(first).toEqual({
      name: "my_neg",
      file: "mine.rules",
      line: 5,
      numerics: "exact",
      verdict: "sound",
      cases: first.cases,
      evaluations: first.evaluations,
      relativeError: null,
      cached: false,
    });
    expect((await json("check", path))[0]).toEqual({ ...first, cached: true });
    expect((await json("check", path, "--no-cache"))[0].cached).toBe(false);
    expect((await json("check", path, "--cases", "7"))[0].cached).toBe(false);
    file("mine.rules", sound.replace("?x\n}", "?x\n  where rank(?x) == 2\n}"));
    expect((await json("check", path))[0].cached).toBe(false);
  });

  test("never keeps an unsound verdict, and shows a cache that was cut short no mercy", { timeout }, async () => {
    const path = file("mine.rules", sound.replace("neg(neg(?x)) => ?x\n}", "neg(neg(?x)) => neg(?x)\n}"));
    for (let i = 0; i < 2; i++) {
      const { exitCode, stderr } = await run("rules", "check", path, "--json");
      expect(exitCode).toBe(2);
      expect(codes(stderr)).toEqual(["rule/unsound"]);
    }
    writeFileSync(join(folder, "cache", "rule-checks.json"), '{"abc": {"ca');
    file("mine.rules", sound);
    expect((await json("check", path))[0].verdict).toBe("sound");
  });
});

describe("rules test", () => {
  test("lists each test, and fails with the one that fails", { timeout }, async () => {
    const path = file("mine.rules", sound);
    expect(await json("test", path)).toEqual([
      { file: "mine.rules", title: "twice", passed: true, applied: ["my_neg"] },
      { file: "mine.rules", title: "once", passed: true, applied: [] },
    ]);
    file("mine.rules", sound.replace("neg(?x) !=> ?x", "neg(neg(?x)) !=> ?x"));
    const { exitCode, stdout, stderr } = await run("rules", "test", path, "--json");
    expect([exitCode, codes(stderr)]).toEqual([2, ["rule/test-failed"]]);
    const rows: readonly { readonly passed: boolean }[] = JSON.parse(stdout);
    expect(rows.map(({ passed }) => passed)).toEqual([true, false]);
  });
});

describe("rules fmt", () => {
  test("--check refuses what is not formatted, and fmt writes it", { timeout }, async () => {
    const path = file("ugly.rules", sound.replaceAll("\n  ", " ").replaceAll("mine", "ugly"));
    const checked = await run("rules", "fmt", "--check", path, "--json");
    expect([checked.exitCode, codes(checked.stderr)]).toEqual([2, ["rule/unformatted"]]);
    expect(await json("fmt", path)).toEqual([{ file: path, changed: true }]);
    expect(readFileSync(path, "utf8")).toBe(sound.replaceAll("mine", "ugly"));
    expect(await json("fmt", "--check", path)).toEqual([{ file: path, changed: false }]);
  });

  test("the shipped rules are formatted", { timeout }, async () => {
    const rows: readonly { readonly file: string; readonly changed: boolean }[] = await json("fmt", "--check");
    expect(rows.filter(({ changed }) => changed)).toEqual([]);
    expect(rows.length).toBeGreaterThan(10);
  });
});

test("rules mutate counts what was caught, and by what", { timeout }, async () => {
  const { rows, ...totals } = await json("mutate", file("mine.rules", sound));
  const fates = { static: 0, check: 2, test: 0, equal: 0, explained: 0, survived: 0 };
  expect(totals).toEqual({ mutants: 2, ...fates, caughtShare: 1 });
  expect(rows[0]).toEqual({ rule: "my_neg", file: "mine.rules", line: 6, title: "`neg` becomes `abs`", fate: "check", by: "rule/unsound" });
});

const stories = requireSharedModel("stories260K-hf");
const configs = requireSharedModel("configs");
const models = [
  ["a small model", stories],
  ["a configuration without weights", configs === "" ? "" : join(configs, "Meta-Llama-3.1-8B.json")],
] as const;

describe.each(models.filter(([, path]) => path !== ""))("on %s", (_, model) => {
  test("why-not names the premise that failed and what it saw", { timeout }, async () => {
    const found = await json("why-not", "merge_qkv", model, "--limit", "3");
    expect(Object.keys(found)).toEqual(["file", "rule", "matches", "misses", "complete"]);
    expect(found.matches).toBeGreaterThan(0);
    expect(found.misses.length).toBeLessThanOrEqual(3);
    for (const miss of found.misses) {
      const text = expect.any(String);
      expect(miss).toMatchObject({ value: text, premise: text, found: text });
      expect(miss.line).toBeGreaterThan(0);
    }
    const unfit = file("narrow.rules", `//! Too narrow.
rules narrow simplify

/// σ(x) · x
reassociates rule narrow {
  matmul(?x, ?w) => neg(matmul(neg(?x), ?w))
  where rank(?w) == 5
}
`);
    const narrow = await json("why-not", "narrow", model, "--file", unfit);
    expect(narrow.matches).toBe(0);
    expect(narrow.misses[0]).toMatchObject({ premise: "rank(?w) == 5", line: 7, found: "rank(?w) is 2" });
  });

  test("ablate gives a rule's worth in every scenario", { timeout }, async () => {
    const rows = await json("ablate", model, "--rule", "merge_gate_up,pow_two");
    expect(rows.map(({ name }: { readonly name: string }) => name)).toEqual(["merge_gate_up", "pow_two"]);
    const [merged, idle] = rows;
    expect(Object.keys(merged)).toEqual(["name", "file", "line", "applications", "predicted", "measured"]);
    const scenarios = merged.predicted.map(({ scenario }: { readonly scenario: string }) => scenario);
    expect(scenarios).toEqual(["decode", "batch", "prefill"]);
    for (const { withNs, withoutNs } of merged.predicted) expect(withoutNs).toBeGreaterThanOrEqual(withNs);
    expect([idle.applications, merged.measured]).toEqual([0, null]);
    for (const { withNs, withoutNs } of idle.predicted) expect(withoutNs).toBe(withNs);
  });

  test("coverage says where rules fired, and profile what they cost", { timeout }, async () => {
    const rows: readonly { readonly name: string; readonly models: readonly Record<string, unknown>[] }[] = await json("coverage", model);
    const merged = rows.find(({ name }) => name === "merge_gate_up");
    expect(merged?.models).toEqual([
      { model, applications: expect.any(Number), kernels: expect.any(Number), places: expect.arrayContaining(["@layer %gate", "@layer %up"]) },
    ]);
    expect(rows.find(({ name }) => name === "pow_two")?.models[0]).toMatchObject({ applications: 0, places: [] });
    const profile = await json("profile", model);
    expect(Object.keys(profile[0])).toEqual(["phase", "rule", "matches", "applications", "refused", "timeMs"]);
    expect(profile.some((row: Record<string, unknown>) => row["rule"] === "c_matmul" && row["phase"] === "lower")).toBe(true);
  });
});

test.skipIf(stories === "")("an unknown rule is told the nearest known one", { timeout }, async () => {
  const { exitCode, stderr } = await run("rules", "why-not", "merge_qkw", stories, "--json");
  expect([exitCode, codes(stderr)]).toEqual([2, ["rule/unknown-rule"]]);
  expect(JSON.parse(stderr).diagnostics[0].hint).toContain("merge_qkv");
});
