/** `llmir targets`: what this machine can build and run, and why not the others. */

import type { Command } from "commander";

import type { Ability, Backend } from "../../codegen/index.js";
import { targets } from "../../compiler/index.js";
import { targetAvailability } from "../../runtime/index.js";
import type { Door } from "../door.js";
import { writeJson } from "../door.js";

interface TargetRow {
  readonly name: string;
  readonly doc: string;
  readonly architectures: readonly string[];
  readonly build: Ability;
  readonly run: Ability;
}

export function addTargets(program: Command, door: Door): void {
  program
    .command("targets")
    .summary("what this machine can build and run")
    .description(
      "Lists the targets: what builds and runs them on this machine, and what is missing for the others.",
    )
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  llmir targets")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const rows: TargetRow[] = [];
      for (const backend of targets) rows.push(await describeTarget(door, backend));
      if (json === true) writeJson(door, rows);
      else door.terminal.out(rows.map(renderTarget).join("\n"));
    });
}

async function describeTarget({ host }: Door, backend: Backend): Promise<TargetRow> {
  const { name, doc, capabilities } = backend;
  const { build, run } = await targetAvailability(host, backend);
  return { name, doc, architectures: capabilities.architectures, build, run };
}

function renderTarget({ name, doc, architectures, build, run }: TargetRow): string {
  const lines = [`${name}: ${doc}`, ...renderAbility("builds", build), ...renderAbility("runs", run)];
  if (architectures.length > 0) lines.push(`  --arch  ${architectures.join(", ")}`);
  return `${lines.join("\n")}\n`;
}

function renderAbility(verb: string, ability: Ability): readonly string[] {
  const label = verb.padEnd(8);
  if (ability.ok) return [`  ${label}${ability.by}`];
  const hint = ability.hint === "" ? [] : [`          ${ability.hint}`];
  return [`  ${label}no: ${ability.why}`, ...hint];
}
