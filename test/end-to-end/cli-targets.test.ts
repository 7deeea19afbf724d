import { afterAll, describe, expect, it } from "vitest";

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
