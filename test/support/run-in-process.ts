// Runs commands in this process, with a folder for files and a cache of their own.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pc from "picocolors";

import { runCommand } from "../../src/cli/main.js";

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandFolder {
  readonly folder: string;
  readonly cache: string;
  run(...argv: readonly string[]): Promise<CommandResult>;
  /** Writes a file into the folder and gives its path. */
  file(name: string, text: string): string;
  /** The codes that a command with `--json` wrote to stderr. */
  codes(stderr: string): readonly string[];
  remove(): void;
}

export function createCommandFolder(): CommandFolder {
  const folder = mkdtempSync(join(tmpdir(), "llmir-commands-"));
  const cache = join(folder, "cache");
  const before = process.env["LLMIR_CACHE"];
  process.env["LLMIR_CACHE"] = cache;
  return {
    folder,
    cache,
    run: runInProcess,
    file: (name, text) => {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    },
    codes: (stderr) => JSON.parse(stderr).diagnostics.map(({ code }: { readonly code: string }) => code),
    remove: () => {
      if (before === undefined) delete process.env["LLMIR_CACHE"];
      else process.env["LLMIR_CACHE"] = before;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function runInProcess(...argv: readonly string[]): Promise<CommandResult> {
  const written = { stdout: "", stderr: "" };
  const exitCode = await runCommand(argv, {
    out: (text) => void (written.stdout += text),
    err: (text) => void (written.stderr += text),
    columns: 100,
    interactive: false,
    colours: pc.createColors(false),
  });
  return { exitCode, ...written };
}
