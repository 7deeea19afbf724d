// Rule files of the user's own in a compilation: checked once, refused when unsound, unchecked only aloud.

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { DEFAULT_COMPILE_OPTIONS, compileModel } from "../../../src/compiler/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import { writeRandomLlama } from "../../support/models.js";
import { createCommandFolder } from "../../support/run-in-process.js";

const timeout = 120_000;
const commands = createCommandFolder();
let model = "";

beforeAll(async () => {
  model = writeRandomLlama(join(commands.folder, "model"));
  // Shipped rules that were changed a moment ago are checked here, once.
  await commands.run("explain", model);
}, timeout);
afterAll(() => commands.remove());

const { run, file } = commands;

/** Codes about rules of the tests: warnings about shipped rules are another test's. */
function codes(stderr: string): readonly string[] {
  return commands.codes(stderr).filter((code) => !code.startsWith("rule/unused"));
}

function family(name: string, rules: string, purpose = "simplify"): string {
  return file(`${name}.rules`, `//! Mine.\nrules ${name.replace("other/", "")} ${purpose}\n\n${rules}\n`);
}

const sound = "/// −(−x) = x\nexact rule my_neg { neg(neg(?x)) => ?x }";
const unsound = "/// No.\nexact rule my_swap { sub(?a, ?b) => sub(?b, ?a) }";
const unreachable = "/// Never.\nexact rule my_never { neg(neg(?x)) => ?x\n  where rank(?x) == 2, rows(?x) == 1234577, cols(?x) == 7654321 }";

describe("--rules FILE", () => {
  test("checks a rule once, then finds its verdict", { timeout }, async () => {
    const path = family("mine", sound);
    const { cache } = commands;
    const host = { ...createNodeHost(), cacheRoot: cache };
    const options = { ...DEFAULT_COMPILE_OPTIONS, ruleFiles: [path] };
    const before = compileModel(host, model, options);
    const refusal = before.diagnostics.find(({ code }) => code === "rule/not-checked");
    expect([before.ok, refusal?.hint]).toEqual([false, expect.stringContaining(`llmir rules check ${path}`)]);
    expect((await run("explain", model, "--rules", path)).exitCode).toBe(0);
    const after = compileModel(host, model, options);
    if (after.ok) after.value.model.weights?.close();
    expect(after.ok && after.value.rules.phases.find(({ name }) => name === "fuse")?.families.at(-1)).toBe("mine");
  });

  test("takes the verdict of `rules check`", { timeout }, async () => {
    const path = family("twice", sound.replace("my_neg", "my_twice"));
    expect((await run("rules", "check", path)).exitCode).toBe(0);
    const host = { ...createNodeHost(), cacheRoot: commands.cache };
    const compiled = compileModel(host, model, { ruleFiles: [path] });
    expect(compiled.ok).toBe(true);
    if (compiled.ok) compiled.value.model.weights?.close();
  });

  test("refuses an unsound rule with its counter-example", { timeout }, async () => {
    const { exitCode, stdout, stderr } = await run("explain", model, "--rules", family("swap", unsound), "--json");
    expect([exitCode, stdout, codes(stderr)]).toEqual([2, "", ["rule/unsound"]]);
  });

  test("refuses a rule that could not be checked, and says why", { timeout }, async () => {
    const { exitCode, stderr } = await run("explain", model, "--rules", family("never", unreachable), "--json");
    expect([exitCode, codes(stderr)]).toEqual([2, ["rule/unchecked", "rule/not-checked"]]);
  });

  test("--unchecked-rules uses them and says so loudly", { timeout }, async () => {
    const paths = [family("swap", unsound), family("never", unreachable)];
    const { exitCode, stderr } = await run("explain", model, "--unchecked-rules", ...paths.flatMap((path) => ["--rules", path]));
    expect(exitCode).toBe(0);
    expect(stderr).toContain("warning[rule/used-unchecked]: 2 rules");
    for (const name of ["my_swap", "my_never"]) expect(stderr).toContain(`\`${name}\``);
  });

  test("a family that lowers joins the last phase", { timeout }, async () => {
    const path = family("kernels", "/// Mine.\nexact rule my_neg { neg(neg(?x)) => ?x }", "lower");
    const compiled = compileModel(createNodeHost(), model, { ruleFiles: [path], uncheckedRules: true });
    if (compiled.ok) compiled.value.model.weights?.close();
    expect(compiled.ok && compiled.value.rules.phases.at(-1)?.families.at(-1)).toBe("kernels");
  });

  test("imports reach shipped families and files beside it", { timeout }, async () => {
    family("base", sound);
    const path = family("top", `import "base.rules"\nimport "norms.rules"`);
    const compiled = compileModel(createNodeHost(), model, { ruleFiles: [path], uncheckedRules: true });
    if (compiled.ok) compiled.value.model.weights?.close();
    const families = compiled.ok ? compiled.value.rules.phases.find(({ name }) => name === "fuse")?.families : undefined;
    expect(families?.slice(-2)).toEqual(["base", "top"]);
  });
});

describe("a file that cannot be taken", () => {
  const refused = async (...paths: readonly string[]): Promise<readonly string[]> => {
    const { exitCode, stderr } = await run("explain", model, "--json", ...paths.flatMap((path) => ["--rules", path]));
    expect(exitCode).toBe(2);
    return codes(stderr);
  };

  test("is absent", async () => {
    expect(await refused(join(commands.folder, "nowhere.rules"))).toEqual(["command/system"]);
  });

  test("has another ending", async () => {
    expect(await refused(file("mine.txt", sound))).toEqual(["rule/file-name"]);
  });

  test("holds a family of a shipped name, or of another file's", async () => {
    expect(await refused(family("norms", sound))).toEqual(["rule/family-taken"]);
    mkdirSync(join(commands.folder, "other"));
    const [first, second] = [family("mine", sound), family("other/mine", sound)];
    expect(await refused(first, second)).toEqual(["rule/family-taken"]);
  });

  test("imports in a circle", async () => {
    family("ring_b", `import "ring_a.rules"`);
    expect(await refused(family("ring_a", `import "ring_b.rules"`))).toEqual(["rule/import-cycle"]);
  });

  test("has a rule of a shipped rule's name", async () => {
    const path = family("mine", sound.replace("my_neg", "merge_qkv"));
    expect(await refused(path)).toEqual(["rule/duplicate-name"]);
  });
});
