/** The table of commands, and what all of them share: help, version, how usage errors are said. */

import { Command } from "commander";

import { addBisect } from "./commands/bisect.js";
import { addCompile } from "./commands/compile.js";
import { addConvert } from "./commands/convert.js";
import { addDemo } from "./commands/demo.js";
import { addEgraph } from "./commands/egraph.js";
import { addEval } from "./commands/eval.js";
import { addExplain } from "./commands/explain.js";
import { addHardware } from "./commands/hardware.js";
import { addIr } from "./commands/ir.js";
import { addRules } from "./commands/rules.js";
import { addRun } from "./commands/run.js";
import { addTargets } from "./commands/targets.js";
import type { Door } from "./door.js";

const commands = [
  addRun,
  addCompile,
  addExplain,
  addIr,
  addRules,
  addBisect,
  addEval,
  addEgraph,
  addConvert,
  addHardware,
  addTargets,
  addDemo,
] as const;

export function createProgram(door: Door): Command {
  const { terminal } = door;
  const program = new Command("llmir")
    .description("A compiler for LLM inference that a person can steer by writing rules.")
    .version(packageVersion(door), "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.out(text),
      // Said by main.ts, as a diagnostic.
      outputError: () => undefined,
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
    });
  for (const add of commands) add(program, door);
  program.addHelpText(
    "after",
    `
Examples:
  llmir demo                                      a story from the model that comes with llmir
  llmir run path/to/model "Once upon a time"      continue a prompt
  llmir explain path/to/model                     why each kernel was chosen

\`llmir help COMMAND\` says more about one of them.`,
  );
  return program;
}

function packageVersion({ host }: Door): string {
  const text = host.files.readText(host.files.join(host.assetRoot, "package.json"));
  return (JSON.parse(text) as { readonly version: string }).version;
}
