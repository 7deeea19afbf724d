/** What the argument parser objects to, as diagnostics of the catalogue. */

import type { CommanderError } from "commander";

import type { Code, Diagnostic } from "../diagnostics/index.js";
import { diagnostic } from "../diagnostics/index.js";

const codes: Readonly<Record<string, Code>> = {
  "commander.unknownCommand": "command/unknown-command",
  "commander.unknownOption": "command/unknown-option",
  "commander.invalidArgument": "command/invalid-argument",
};

/** Messages read `error: unknown option '--quantise'`, with a suggestion on a line of its own. */
export function describeUsageError({ code, message }: CommanderError): Diagnostic {
  const [first = "", suggestion] = message.split("\n");
  const said = quoteNames(first.replace(/^error: /, ""));
  const nearest = /^\(Did you mean (.+)\?\)$/.exec(suggestion ?? "")?.[1];
  const hint = nearest === undefined ? "`llmir --help` lists what there is" : `did you mean \`${nearest}\`?`;
  return diagnostic(codes[code] ?? "command/arguments", said, { hint });
}

/** 'name' becomes `name`. */
function quoteNames(text: string): string {
  return text.replace(/'([^']*)'/g, "`$1`");
}
