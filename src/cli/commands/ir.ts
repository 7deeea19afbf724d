/** `llmir ir`: the plain graph of a model as text, or a text file read and verified. */

import type { Command } from "commander";

import { DEFAULT_COMPILE_OPTIONS, targetRegistry, targets } from "../../compiler/index.js";
import { diagnostic, didYouMean } from "../../diagnostics/index.js";
import { importModel } from "../../frontend/index.js";
import type { Module, Registry } from "../../ir/index.js";
import { coreRegistry, entryName, findFunction, parseModule, printModule } from "../../ir/index.js";
import { verifyFunctions, verifyModule } from "../../ir/index.js";
import type { Door } from "../door.js";
import { CommandFailure, unwrap } from "../door.js";
import { parseCount } from "../flags.js";
import { count } from "../format.js";

interface Flags {
  readonly check?: boolean;
  readonly function?: string;
  readonly context?: number;
}

export function addIr(program: Command, door: Door): void {
  program
    .command("ir")
    .summary("print or check the graph of a model")
    .description("Prints the plain graph of a model in the text form of the IR, or reads such a text and verifies it.")
    .argument("<source>", "model folder, config.json, or a file that ends in .mlir")
    .option("--check", "only say whether it is well-formed")
    .option("--function <name>", "print this function alone")
    .option("--context <tokens>", "positions of one sequence (default: the model's own)", parseCount)
    .addHelpText(
      "after",
      `
Examples:
  llmir ir examples/tiny-stories --function layer
  llmir ir examples/tiny-stories > model.mlir && llmir ir model.mlir --check`,
    )
    .action((source: string, flags: Flags) => {
      showIr(door, source, flags);
    });
}

function showIr(door: Door, path: string, flags: Flags): void {
  const { module, registry } = path.endsWith(".mlir") ? readText(door, path) : readModel(door, path, flags);
  if (flags.check !== true) {
    const { function: name } = flags;
    door.terminal.out(name === undefined ? printModule(module, registry) : printOne(module, registry, name));
    return;
  }
  const operations = module.functions.reduce((sum, func) => sum + func.operations.length, 0);
  door.terminal.out(`${path}: ok, ${count(module.functions.length, "function")}, ${count(operations, "operation")}\n`);
}

interface Read {
  readonly module: Module;
  readonly registry: Registry;
}

/** A text may name kernels of any target, as a dump of a later stage does. */
function readText(door: Door, path: string): Read {
  const registry = targets.map((backend) => targetRegistry(backend))[0] ?? coreRegistry;
  const module = unwrap(door, parseModule({ name: path, text: door.host.files.readText(path) }, registry));
  const verify = findFunction(module, entryName) === undefined ? verifyFunctions : verifyModule;
  return { module: verified(module, verify(module, registry)), registry };
}

function readModel(door: Door, path: string, { context }: Flags): Read {
  const { blockSize } = DEFAULT_COMPILE_OPTIONS;
  const options = context === undefined ? { blockSize } : { blockSize, contextLength: context };
  const { module, weights } = unwrap(door, importModel(path, door.host.files, options));
  weights?.close();
  return { module: verified(module, verifyModule(module, coreRegistry)), registry: coreRegistry };
}

function verified(module: Module, faults: ReturnType<typeof verifyModule>): Module {
  if (faults.length > 0) throw new CommandFailure(...faults);
  return module;
}

function printOne(module: Module, registry: Registry, name: string): string {
  const func = findFunction(module, name.replace(/^@/, ""));
  if (func !== undefined) return printModule({ functions: [func] }, registry);
  const known = module.functions.map((each) => each.name);
  const hint = didYouMean(name, known) ?? `its functions are ${known.join(", ")}`;
  throw new CommandFailure(diagnostic("command/unknown-function", `the module has no function \`${name}\``, { hint }));
}
