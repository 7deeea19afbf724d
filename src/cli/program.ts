/** The table of commands, and what all of them share: help, version, how usage errors are said. */

import { Command } from "commander";

import type { Door } from "./door.js";

type AddCommand = (program: Command, door: Door) => void;

/** In the order of the help. A command's module is loaded when it is called, or when help is asked. */
const commands: Readonly<Record<string, () => Promise<AddCommand>>> = {
  run: async () => (await import("./commands/run.js")).addRun,
  compile: async () => (await import("./commands/compile.js")).addCompile,
  explain: async () => (await import("./commands/explain.js")).addExplain,
  ir: async () => (await import("./commands/ir.js")).addIr,
  rules: async () => (await import("./commands/rules.js")).addRules,
  bisect: async () => (await import("./commands/bisect.js")).addBisect,
  eval: async () => (await import("./commands/eval.js")).addEval,
  egraph: async () => (await import("./commands/egraph.js")).addEgraph,
  convert: async () => (await import("./commands/convert.js")).addConvert,
  hardware: async () => (await import("./commands/hardware.js")).addHardware,
  targets: async () => (await import("./commands/targets.js")).addTargets,
  demo: async () => (await import("./commands/demo.js")).addDemo,
};

/** The program with the command that the arguments start with; with all of them where that is none. */
export async function createProgram(door: Door, [name = ""]: readonly string[]): Promise<Command> {
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
  const wanted = Object.hasOwn(commands, name) ? [commands[name]!] : Object.values(commands);
  for (const load of wanted) (await load())(program, door);
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
