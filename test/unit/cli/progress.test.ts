import pc from "picocolors";
import { expect, test } from "vitest";

import type { Host } from "../../../src/base/index.js";
import { createProgress } from "../../../src/cli/progress.js";

interface Watched {
  readonly written: string[];
  readonly clock: { now: number };
  readonly progress: ReturnType<typeof createProgress>;
}

/** What is written to stderr while `now` is moved by hand. */
function watch(interactive: boolean): Watched {
  const written: string[] = [];
  const clock = { now: 0 };
  const host = { nowMs: () => clock.now } as Host;
  const terminal = {
    out: () => undefined,
    err: (text: string) => void written.push(text),
    columns: 80,
    interactive,
    colours: pc.createColors(false),
  };
  return { written, clock, progress: createProgress({ host, terminal, report: () => undefined }, false) };
}

test("short work says nothing", () => {
  const { written, clock, progress } = watch(true);
  clock.now = 900;
  progress.step?.("pack", 1, 2);
  progress.stage?.("pack", 900);
  expect(written).toEqual([]);
});

test("a screen redraws one line and clears it", () => {
  const { written, clock, progress } = watch(true);
  for (const now of [1000, 1050, 1200]) {
    clock.now = now;
    progress.step?.("pack", now, 4000);
  }
  progress.stage?.("pack", 1300);
  expect(written).toEqual([
    "\r\u001b[Kllmir: pack 25 %",
    "\r\u001b[Kllmir: pack 30 %",
    "\r\u001b[K",
    "llmir: pack took 1.30 s\n",
  ]);
});

test("a log gets few, whole lines", () => {
  const { written, clock, progress } = watch(false);
  for (let now = 0; now <= 12_000; now += 100) {
    clock.now = now;
    progress.step?.("pack", now, 20_000);
  }
  expect(written).toEqual(["llmir: pack 25 %\n", "llmir: pack 50 %\n"]);
});
