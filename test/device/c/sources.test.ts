// The C sources as such: every file compiles alone and without a warning, so does an emitted program, and the
// team of threads keeps going under the thread sanitizer and on a machine with fewer cores than threads.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import { cBackend } from "../../../backends/c/index.js";
import { smallPlan } from "../../support/small-plan.js";
import { findTestCompiler, sourceRoot } from "./kernel-harness.js";

const compiler = findTestCompiler() ?? "";
const folder = mkdtempSync(join(tmpdir(), "llmir-sources-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const strict = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"];

function complaints(args: readonly string[], cwd = sourceRoot): string {
  return spawnSync(compiler, [...strict, ...args], { cwd, encoding: "utf8" }).stderr;
}

/** Kernels have a name by default; the other files are parts of them. */
const kernelFiles = readdirSync(join(sourceRoot, "kernels")).filter((name) => defaultName(name) !== undefined);

function defaultName(file: string): string | undefined {
  return /^#define NAME (\w+)$/m.exec(readFileSync(join(sourceRoot, "kernels", file), "utf8"))?.[1];
}

describe.skipIf(compiler === "")("C sources", () => {
  test.each(kernelFiles)("kernels/%s compiles alone, with its defaults", (name) => {
    const source = join(folder, `${name}.c`);
    // Named, so that it is compiled and not only parsed.
    const use = `void *use(void);\nvoid *use(void) { return (void *)${defaultName(name) ?? ""}; }\n`;
    writeFileSync(source, `#include "kernels/${name}"\n${use}`);
    expect(complaints(["-c", source, "-I.", "-o", join(folder, "kernel.o")])).toBe("");
    expect(complaints(["-fsyntax-only", "-x", "c", `kernels/${name}`])).toBe("");
  });

  test("an emitted program compiles without a warning, for this machine and for the plainest one", () => {
    for (const { path, text } of cBackend.emit(smallPlan(), (asset) => readFileSync(join(sourceRoot, "../..", asset), "utf8"))) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const sources = ["model.c", "runtime/runtime.c", "runtime/pool.c", "runtime/levels.c", "runtime/main.c"];
    for (const machine of ["-march=native", ...(process.arch === "x64" ? ["-march=x86-64"] : [])]) {
      expect(complaints([machine, ...sources, "-o", "model", "-pthread", "-lm"], folder)).toBe("");
    }
  }, 120_000);
});

/**
 * A program of many short kernels: 200 steps of 100 times three kernels of a share for each thread and one
 * whose shares are claimed. The batch's array is gone after each step, whoever comes late.
 */
const barrierProgram = `
#include <stdio.h>
#include <stdlib.h>
#include "runtime/pool.h"
static long counts[64], total, claimed[1000];
void llmir_program(const Step *s, const Worker *w) {
  for (int i = 0; i < 100; i++) {
    counts[w->thread] += i;
    barrier(w);
    if (w->thread == i % w->threads) for (int t = 0; t < w->threads; t++) total += counts[t];
    barrier(w);
    counts[w->thread] = 0;
    barrier(w);
    for (Shares shares = shares_of(w, i * 10); next_share(&shares);)
      for (long unit = shares.first; unit < shares.end; unit++) claimed[unit] += s->tokens[unit % 10];
    barrier(w);
  }
}
int main(int argc, char **argv) {
  const int threads = argc > 1 ? atoi(argv[1]) : 1;
  llmir_pool *pool = llmir_pool_open(threads, 256, 256);
  for (int i = 0; i < 200; i++) {
    int32_t *const tokens = malloc(10 * sizeof *tokens);
    for (int t = 0; t < 10; t++) tokens[t] = t;
    const Step step = {.tokens = tokens};
    llmir_pool_run(pool, &step, threads);
    free(tokens);
  }
  llmir_pool_close(pool);
  for (int unit = 0; unit < 1000; unit++)
    if (claimed[unit] != 200L * (unit % 10) * (99 - unit / 10)) return 2;
  printf("%ld\\n", total);
  return total == 200L * threads * 4950 ? 0 : 1;
}
`;

/** Prints how many processors the second of two threads may run on. */
const placesProgram = `
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include "runtime/pool.h"
static int places;
void llmir_program(const Step *s, const Worker *w) {
  (void)s;
  cpu_set_t allowed;
  if (w->thread == 1 && sched_getaffinity(0, sizeof allowed, &allowed) == 0) places = CPU_COUNT(&allowed);
  barrier(w);
}
int main(void) {
  llmir_pool *pool = llmir_pool_open(2, 256, 256);
  const Step step = {0};
  llmir_pool_run(pool, &step, 2);
  llmir_pool_close(pool);
  printf("%d\\n", places);
  return 0;
}
`;

describe.skipIf(compiler === "")("the team of threads", () => {
  function build(...flags: readonly string[]): string {
    const program = join(folder, `barriers${flags.length}`);
    writeFileSync(join(folder, "barriers.c"), barrierProgram);
    const sources = [join(folder, "barriers.c"), join(sourceRoot, "runtime/pool.c")];
    execFileSync(compiler, [...strict, ...flags, `-I${sourceRoot}`, ...sources, "-o", program, "-pthread"], { stdio: "inherit" });
    return program;
  }

  test.each([1, 2, 4, 7])("passes 60 000 barriers with %i threads, however few the cores", (threads) => {
    expect(spawnSync(build(), [String(threads)], { timeout: 60_000 }).status).toBe(0);
  }, 90_000);

  test.skipIf(spawnSync("taskset", ["--version"]).status !== 0)("with 2 threads on one core, in seconds", () => {
    const ran = spawnSync("taskset", ["-c", "0", build(), "2"], { timeout: 60_000 });
    expect(ran.status).toBe(0);
  }, 90_000);

  test("stays on a processor each, where asked", ({ skip }) => {
    const places = spawnSync("nproc", { encoding: "utf8" }).stdout?.trim();
    skip(process.platform !== "linux" || !(Number(places) > 1), "there are no two processors to choose from, or this is not Linux");
    writeFileSync(join(folder, "places.c"), placesProgram);
    const program = join(folder, "places");
    const sources = [join(folder, "places.c"), join(sourceRoot, "runtime/pool.c")];
    execFileSync(compiler, [...strict, `-I${sourceRoot}`, ...sources, "-o", program, "-pthread"], { stdio: "inherit" });
    const placesOf = (wish: string): string =>
      spawnSync(program, { env: { ...process.env, LLMIR_PIN_THREADS: wish }, encoding: "utf8" }).stdout;
    expect(placesOf("1")).toBe("1\n");
    expect(placesOf("")).toBe(`${places}\n`);
  });

  test("has no data race", () => {
    const ran = spawnSync(build("-g", "-fsanitize=thread"), ["3"], { timeout: 60_000, encoding: "utf8" });
    expect(ran.stderr).toBe("");
    expect(ran.status).toBe(0);
  }, 90_000);
});
