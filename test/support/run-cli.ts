// Starts the `llmir` command as a person does, with a cache of its own.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const repositoryRoot = fileURLToPath(new URL("../../", import.meta.url));
const command = join(repositoryRoot, "bin", "llmir.mjs");

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly folder?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Called with each chunk of stdout; a returned signal is sent to the process. */
  readonly onOutput?: (chunk: string) => NodeJS.Signals | undefined;
}

/** One cache for all runs of a test file, so that equal programs are built once. */
export interface Cli {
  readonly cache: string;
  run(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  remove(): void;
}

export function createCli(): Cli {
  const cache = mkdtempSync(join(tmpdir(), "llmir-cache-"));
  return {
    cache,
    run: (args, options = {}) => start([command, ...args], cache, options),
    remove: () => {
      rmSync(cache, { recursive: true, force: true });
    },
  };
}

/** A program of this repository that imports `llmir`. */
export function runScript(script: string, args: readonly string[], cache: string): Promise<CliResult> {
  return start([join(repositoryRoot, script), ...args], cache, {});
}

function start(args: readonly string[], cache: string, options: CliOptions): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, LLMIR_CACHE: cache, LLMIR_DEBUG: "1", NO_COLOR: "1", ...options.environment };
    const child = spawn(process.execPath, args, {
      cwd: options.folder ?? repositoryRoot,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      output.stdout += chunk;
      const signal = options.onOutput?.(chunk);
      if (signal !== undefined) child.kill(signal);
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      output.stderr += chunk;
    });
    child.once("error", reject);
    child.once("close", (code, signal) => {
      const exitCode = code ?? (signal === null ? 1 : 128);
      resolve({ exitCode, ...output });
    });
  });
}

/** The codes of a run with `--json` that failed. */
export function diagnosticCodes({ stderr }: CliResult): readonly string[] {
  const { diagnostics } = JSON.parse(stderr) as { readonly diagnostics: readonly { readonly code: string }[] };
  return diagnostics.map(({ code }) => code);
}

/** Whether a C compiler starts; says so when none does. */
export function hasCompiler(): boolean {
  const commands = [process.env["CC"], "gcc", "clang", "cc"].filter((each) => each !== undefined && each !== "");
  const found = commands.some((each) => spawnSync(each ?? "", ["--version"], { stdio: "ignore" }).status === 0);
  if (!found) console.warn("skipped: no C compiler was found, and these tests run compiled models");
  return found;
}
