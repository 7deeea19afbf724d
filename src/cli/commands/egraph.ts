/** `llmir egraph extract`: the cheapest terms of an e-graph in the JSON of the egg family. */

import { type Command, Option } from "commander";

import { diagnostic } from "../../diagnostics/index.js";
import type { ExtractionMethod, JsonExtraction } from "../../egraph-ts/index.js";
import { EGraphError, EXTRACTION_METHODS, extractFromJson } from "../../egraph-ts/index.js";
import { solveProgram } from "../../host/index.js";
import type { Door } from "../door.js";
import { CommandFailure, writeJson } from "../door.js";
import { parseCount } from "../flags.js";
import { formatMs } from "../format.js";

interface Flags {
  readonly method: ExtractionMethod;
  readonly timeLimit: number;
  readonly json?: boolean;
}

export function addEgraph(program: Command, door: Door): void {
  const egraph = program.command("egraph").summary("work on e-graphs in files");
  egraph
    .command("extract")
    .summary("the cheapest terms of an e-graph")
    .description(
      "Reads an e-graph in the `egraph-serialize` JSON of the egg family and extracts its roots: by tree cost " +
        "(greedy), by DAG cost with local search (greedy-dag), or with a proven bound (ilp).",
    )
    .argument("<file>", "a JSON file with `nodes` and `root_eclasses`")
    .addOption(
      new Option("--method <name>", "how to extract").choices(EXTRACTION_METHODS).default("greedy-dag"),
    )
    .option("--time-limit <seconds>", "when `ilp` gives what it has", parseCount, 30)
    .option("--json", "print JSON: cost, bound, time, and the node chosen for each class")
    .addHelpText("after", "\nExample:\n  llmir egraph extract graph.json --method ilp")
    .action((file: string, flags: Flags) => extractFile(door, file, flags));
}

async function extractFile(door: Door, file: string, flags: Flags): Promise<void> {
  const { files } = door.host;
  const result = await readable(file, () =>
    extractFromJson(files.readText(files.resolve(file)), flags.method, {
      now: () => door.host.nowMs(),
      ilp: { solver: solveProgram, timeLimitSeconds: flags.timeLimit },
    }),
  );
  if (flags.json === true) writeJson(door, { method: flags.method, ...result, bound: result.bound ?? null });
  else door.terminal.out(`${describeExtraction(result)}\n`);
}

function describeExtraction({ cost, bound, choice, timeMs }: JsonExtraction): string {
  const proved = bound === undefined ? "" : `, no extraction costs less than ${bound}`;
  return `cost ${cost}${proved}, ${Object.keys(choice).length} classes, ${formatMs(timeMs)}`;
}

/** What the engine says of the file becomes a diagnostic. */
async function readable<T>(file: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof EGraphError)) throw error;
    throw new CommandFailure(
      diagnostic("command/bad-egraph", error.message, {
        at: file,
        hint: "see the `egraph-serialize` format: `nodes` by name with `op`, `children`, `eclass`, `cost`",
      }),
    );
  }
}
