/** Codes of the `command/` area: what the command line and the library were asked. */

import type { CodeEntry } from "./entry.js";

export const commandCodes = {
  "command/empty-prompt": {
    severity: "error",
    meaning: "The prompt has no text: there is nothing to continue.",
  },
  "command/prompt-too-long": {
    severity: "error",
    meaning: "The prompt takes the whole context, or more: no room is left for an answer.",
  },
  "command/unknown-command": {
    severity: "error",
    meaning: "The first word after `llmir` is no command.",
  },
  "command/unknown-option": {
    severity: "error",
    meaning: "The command has no option of that name.",
  },
  "command/invalid-argument": {
    severity: "error",
    meaning: "The value of an option or argument is not of the kind that the command takes.",
  },
  "command/arguments": {
    severity: "error",
    meaning: "An argument or the value of an option is missing, or there are more arguments than the command takes.",
  },
  "command/output-exists": {
    severity: "error",
    meaning: "The folder to write into holds files that this command did not write, so it is left as it is.",
  },
  "command/unknown-function": {
    severity: "error",
    meaning: "The module has no function of that name.",
  },
  "command/text-too-short": {
    severity: "error",
    meaning: "The text to evaluate on does not hold one chunk of two tokens.",
  },
  "command/bad-egraph": {
    severity: "error",
    meaning: "A file that should hold an e-graph does not, or a root in it cannot be extracted.",
  },
  "command/system": {
    severity: "error",
    meaning:
      "Something outside the program failed: a file cannot be read or written, a program such as the C compiler " +
      "is missing or reports an error, a device is absent.",
  },
} as const satisfies Record<`command/${string}`, CodeEntry>;
