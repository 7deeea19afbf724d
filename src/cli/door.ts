/**
 * What every command is given: the world, the terminal, and a place for diagnostics. Faults travel as
 * `CommandFailure`; `main.ts` alone turns them into an exit code.
 */

import type { Host } from "../base/index.js";
import type { Diagnostic, RenderOptions, Result } from "../diagnostics/index.js";
import { diagnosticsToJson, renderDiagnostics } from "../diagnostics/index.js";
import type { Terminal } from "./terminal.js";

export interface Door {
  readonly host: Host;
  readonly terminal: Terminal;
  /** Shows warnings and errors on stderr, at once as text, or together at the end as JSON. */
  report(diagnostics: readonly Diagnostic[]): void;
}

/** The user's fault, with all there is to say about it. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly diagnostics: readonly Diagnostic[];

  constructor(...diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((each) => each.message).join("\n"));
    this.diagnostics = diagnostics;
  }
}

/** Ended by Ctrl-C. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** The value of a result; its warnings are shown, its errors end the command. */
export function unwrap<T>(door: Door, result: Result<T>): T {
  if (!result.ok) throw new CommandFailure(...result.diagnostics);
  door.report(result.diagnostics);
  return result.value;
}

/** One JSON document on stdout. */
export function writeJson(door: Door, document: unknown): void {
  door.terminal.out(`${JSON.stringify(document, undefined, 2)}\n`);
}

export interface Reporter {
  report(diagnostics: readonly Diagnostic[]): void;
  /** Called once, when the command has ended. */
  finish(): void;
}

export function createReporter(terminal: Terminal, json: boolean): Reporter {
  if (!json) {
    return { report: (list) => reportText(terminal, list), finish: () => undefined };
  }
  const collected: Diagnostic[] = [];
  return {
    report: (list) => void collected.push(...list),
    finish: () => {
      if (collected.length === 0) return;
      terminal.err(`${JSON.stringify({ diagnostics: diagnosticsToJson(collected) }, undefined, 2)}\n`);
    },
  };
}

function reportText(terminal: Terminal, diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length === 0) return;
  const { bold, red, yellow, cyan, dim } = terminal.colours;
  const paints = { error: (text: string) => bold(red(text)), warning: yellow, hint: cyan, place: dim };
  const options: RenderOptions = { paint: (text, role) => paints[role](text) };
  terminal.err(`${renderDiagnostics(diagnostics, options)}\n`);
}
