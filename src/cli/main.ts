/**
 * The command line's door: runs one command and says how it ended. 0 is success, 2 the user's fault or
 * the world's with diagnostics on stderr, 1 our own, 130 Ctrl-C.
 */

import { CommanderError } from "commander";

import { HostError } from "../base/index.js";
import type { Diagnostic } from "../diagnostics/index.js";
import { describeHostError } from "../diagnostics/index.js";
import { createNodeHost } from "../host/index.js";
import type { Door } from "./door.js";
import { CommandFailure, createReporter, Interrupted } from "./door.js";
import { createProgram } from "./program.js";
import { createTerminal } from "./terminal.js";
import type { Terminal } from "./terminal.js";
import { describeUsageError } from "./usage-errors.js";

export const exitCodes = { success: 0, ours: 1, theirs: 2, interrupted: 130 } as const;

export async function main(argv: readonly string[]): Promise<number> {
  return runCommand(argv, createTerminal());
}

/** Parses and runs; never throws. */
export async function runCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const reporter = createReporter(terminal, argv.includes("--json"));
  try {
    const door: Door = { host: createNodeHost(), terminal, report: reporter.report };
    const program = await createProgram(door, argv);
    await program.parseAsync([...argv], { from: "user" });
    return exitCodes.success;
  } catch (error) {
    return answer(error, terminal, reporter.report);
  } finally {
    reporter.finish();
  }
}

function answer(error: unknown, terminal: Terminal, report: Door["report"]): number {
  if (error instanceof Interrupted) return exitCodes.interrupted;
  const diagnostics = diagnosticsOf(error);
  if (diagnostics === undefined) {
    terminal.err(describeBug(error));
    return exitCodes.ours;
  }
  report(diagnostics);
  return diagnostics.length === 0 ? exitCodes.success : exitCodes.theirs;
}

/** What is the user's or the world's fault in an error; undefined when it is ours. */
function diagnosticsOf(error: unknown): readonly Diagnostic[] | undefined {
  if (error instanceof CommandFailure) return error.diagnostics;
  if (error instanceof HostError) return [describeHostError(error)];
  if (error instanceof CommanderError) return isAnswer(error) ? [] : [describeUsageError(error)];
  return undefined;
}

/** Help and the version arrive as errors; so does help for a command that needs another word. */
function isAnswer({ code, exitCode }: CommanderError): boolean {
  return exitCode === 0 || code === "commander.help";
}

function describeBug(error: unknown): string {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const trace = process.env["LLMIR_DEBUG"] === "1" ? `${stack ?? ""}\n` : "";
  const ask = trace === "" ? " with what `LLMIR_DEBUG=1` adds" : "";
  return `llmir: internal error: ${message}\n  this is a bug in llmir, not in your input; please report it${ask}\n${trace}`;
}
