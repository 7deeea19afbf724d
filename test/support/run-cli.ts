// Starts the `llmir` command as a person does, with a cache of its own.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const repositoryRoot = fileURLToPath(new URL("../../", import.meta.url));
const command = join(repositoryRoot, "bin", "llmir.mjs");

/** What a checkout says while it brings itself up to date. */
const preparation = /^llmir: (?:waiting for another|compiling src|generating parsers|installing p).*\n/gm;

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
    const own = { LLMIR_CACHE: cache, LLMIR_DEBUG: "1", NO_COLOR: "1" };
    const env = { ...process.env, ...own, ...options.environment };
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
      // By a signal, as a shell counts it, or nearly.
      const exitCode = code ?? (signal === null ? 1 : 128);
      resolve({ exitCode, stdout: output.stdout, stderr: output.stderr.replace(preparation, "") });
    });
  });
}

/** The codes of a run with `--json` that failed. */
export function diagnosticCodes({ stderr }: CliResult): readonly string[] {
  interface Document {
    readonly diagnostics: readonly { readonly code: string }[];
  }
  const { diagnostics } = JSON.parse(stderr) as Document;
  return diagnostics.map(({ code }) => code);
}

/** Whether a C compiler starts; says so when none does. */
export function hasCompiler(): boolean {
  const starts = (command: string): boolean => spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
  const found = [process.env["CC"] ?? "", "gcc", "clang", "cc"].some((each) => each !== "" && starts(each));
  if (!found) console.warn("skipped: no C compiler was found, and these tests run compiled models");
  return found;
}
