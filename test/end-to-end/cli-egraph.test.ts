import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { createCli, diagnosticCodes } from "../support/run-cli.js";

const cli = createCli();
const folder = mkdtempSync(join(tmpdir(), "llmir-egraph-"));
afterAll(() => {
  cli.remove();
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Two readers of one shared term: paid for once it is worth more than two private ones. */
const shared = {
  nodes: {
    root: { op: "+", children: ["left", "right"], eclass: "0", cost: 1 },
    left: { op: "f", children: ["shared"], eclass: "1", cost: 1 },
    leftAlone: { op: "a", children: [], eclass: "1", cost: 8 },
    right: { op: "g", children: ["shared"], eclass: "2", cost: 1 },
    rightAlone: { op: "b", children: [], eclass: "2", cost: 8 },
    shared: { op: "s", children: [], eclass: "3", cost: 10 },
  },
  root_eclasses: ["0"],
};

describe("llmir egraph extract", () => {
  it.each([
    ["greedy", 17],
    ["greedy-dag", 13],
    ["ilp", 13],
  ])("extracts by %s", async (method, cost) => {
    const file = write("shared.json", JSON.stringify(shared));
    const { exitCode, stdout } = await cli.run(["egraph", "extract", file, "--method", method, "--json"]);
    expect(exitCode).toBe(0);
    const result = JSON.parse(stdout) as { cost: number; bound: number | null; timeMs: number };
    expect(result.cost).toBe(cost);
    expect(result.timeMs).toBeGreaterThanOrEqual(0);
    if (method === "ilp") expect(result.bound).toBe(13);
  });

  it.each([
    ["cut short", '{"nodes": {'],
    [
      "a child that does not exist",
      JSON.stringify({ nodes: { a: { op: "f", children: ["b"], eclass: "0" } }, root_eclasses: ["0"] }),
    ],
    [
      "a root that only depends on itself",
      JSON.stringify({
        nodes: { a: { op: "f", children: ["a"], eclass: "0", cost: 1 } },
        root_eclasses: ["0"],
      }),
    ],
  ])("refuses a file with %s", async (_, content) => {
    const result = await cli.run(["egraph", "extract", write("bad.json", content), "--json"]);
    expect(result.exitCode).toBe(2);
    expect(diagnosticCodes(result)).toEqual(["command/bad-egraph"]);
  });
});
