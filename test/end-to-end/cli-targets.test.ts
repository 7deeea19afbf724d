import { dirname, join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { requireSharedModel } from "../support/models.js";
import { createCli } from "../support/run-cli.js";

interface Ability {
  readonly ok: boolean;
  readonly by?: string;
  readonly why?: string;
}

const cli = createCli();
afterAll(() => {
  cli.remove();
});

/** The codes on stderr of a command that must fail as the user's or the world's fault. */
async function codesOf(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const { exitCode, stderr } = await cli.run([...args, "--json"], { environment });
  expect(exitCode).toBe(2);
  const [document] = /^\{[\s\S]*^\}/m.exec(stderr) ?? [""];
  const { diagnostics } = JSON.parse(document) as { diagnostics: { code: string; severity: string }[] };
  return diagnostics.filter(({ severity }) => severity === "error").map(({ code }) => code);
}

const stories = "examples/tiny-stories";
const llama = requireSharedModel("configs", "Meta-Llama-3.1-8B.json");

describe("what is missing is said with a code, and exit code 2", () => {
  it("names an unknown target and an unknown architecture", async () => {
    expect(await codesOf(["run", stories, "a", "--target", "vulkan"])).toEqual(["plan/unknown-target"]);
    const old = ["compile", stories, "--target", "cuda", "--arch", "sm_70"];
    expect(await codesOf(old)).toEqual(["target/unknown-arch"]);
    const none = ["compile", stories, "--target", "wgsl", "--arch", "sm_90"];
    expect(await codesOf(none)).toEqual(["target/unknown-arch"]);
  });

  it("names a cache that the target does not know", async () => {
    const coded = ["compile", stories, "--target", "wgsl", "--kv-dtype", "i8"];
    expect(await codesOf(coded)).toEqual(["target/unknown-cache"]);
  });

  it("says that there is no CUDA compiler", { timeout: 60_000 }, async () => {
    const folder = join(cli.cache, "no-nvcc");
    const codes = await codesOf(["compile", stories, "--target", "cuda", "-o", folder], { NVCC: "/no/such/nvcc" });
    expect(codes).toEqual(["target/no-nvcc"]);
  });

  it("says that there is no GPU before anything is built", { timeout: 60_000 }, async () => {
    const path = { PATH: `${dirname(process.execPath)}` };
    expect(await codesOf(["run", stories, "a", "--target", "cuda"], path)).toEqual(["target/no-device"]);
  });

  it("says that there is no adapter", { timeout: 60_000 }, async () => {
    const driver = { VK_ICD_FILENAMES: "/nowhere/driver.json" };
    expect(await codesOf(["run", stories, "a", "--target", "wgsl"], driver)).toEqual(["target/no-adapter"]);
  });

  it.skipIf(llama === "")("refuses a tensor that no binding holds", { timeout: 60_000 }, async () => {
    const args = ["compile", llama, "--target", "wgsl", "--weights", "none", "--without", "lower/wgsl"];
    const codes = await codesOf([...args, "-o", join(cli.cache, "too-large")]);
    expect(new Set(codes)).toEqual(new Set(["target/limit"]));
  });
});

describe("llmir explain", () => {
  it.each([["wgsl", "dispatches"], ["cuda", "launches"]])(
    "counts what a layer is on %s, and names the rules behind each",
    { timeout: 60_000 },
    async (target, noun) => {
      const { exitCode, stdout } = await cli.run(["explain", stories, "--target", target]);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(new RegExp(`^  @layer: 10 kernels in 10 ${noun}, run \\d+ times a step$`, "m"));
      expect(stdout).toMatch(new RegExp(`^decode: predicted .* in \\d+ ${noun}$`, "m"));
      const kernels = stdout.split("\n").filter((line) => /^ {4}%\S+ = /.test(line)).length;
      const chains = stdout.split("\n").filter((line) => line.startsWith("      rules      ")).length;
      expect(chains).toBe(kernels);
    },
  );
});

describe("llmir targets", () => {
  it("says of every target who builds and runs it, or why not", async () => {
    const { exitCode, stdout } = await cli.run(["targets", "--json"]);
    expect(exitCode).toBe(0);
    const rows = JSON.parse(stdout) as { name: string; build: Ability; run: Ability }[];
    expect(rows.map(({ name }) => name)).toEqual(["c", "cuda", "wgsl"]);
    for (const { build, run } of rows) {
      for (const ability of [build, run]) {
        const said = ability.ok ? ability.by : ability.why;
        expect(said).toMatch(/\S/);
      }
    }
  });
});
