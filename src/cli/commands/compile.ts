/** `llmir compile`: emits the program of a model into a folder, with or without its weights. */

import type { Command } from "commander";
import { Option } from "commander";

import type { Files } from "../../base/index.js";
import type { Artifact, Compilation } from "../../compiler/index.js";
import { buildArtifact, compileChecked, writeSources } from "../../compiler/index.js";
import { diagnostic } from "../../diagnostics/index.js";
import type { Door } from "../door.js";
import { CommandFailure, unwrap, writeJson } from "../door.js";
import type { CompileFlags } from "../flags.js";
import { addCompileFlags, compileOptions } from "../flags.js";
import { createProgress } from "../progress.js";
import { renderSummary, summarize } from "../summary.js";

interface Flags extends CompileFlags {
  readonly weights: "none" | "packed";
  readonly output?: string;
  readonly json?: boolean;
}

/** Marks a folder as written by this command, so that the next run may replace it. */
const markFile = "compilation.json";
const copyChunkBytes = 64 * 2 ** 20;

export function addCompile(program: Command, door: Door): void {
  addCompileFlags(
    program
      .command("compile")
      .summary("emit the program of a model")
      .description("Optimizes a model, writes the emitted program into a folder, and says what the optimizer did.")
      .argument("<model>", "model folder, or with --weights none its config.json alone")
      .addOption(
        new Option("--weights <how>", "`packed` writes the weight file and builds the library, `none` plans and emits only")
          .choices(["none", "packed"])
          .default("packed"),
      )
      .option("-o, --output <folder>", "where to write (default: ./<model>-<target>)"),
  )
    .option("--json", "print the summary as JSON")
    .addHelpText(
      "after",
      `
Examples:
  llmir compile examples/tiny-stories -o stories --quantize q8
  llmir compile Meta-Llama-3.1-8B.json --weights none --quantize q4`,
    )
    .action((model: string, flags: Flags) => compile(door, model, flags));
}

async function compile(door: Door, path: string, flags: Flags): Promise<void> {
  const { host } = door;
  const progress = createProgress(door, flags.json === true);
  const compilation = unwrap(door, await compileChecked(host, path, compileOptions(flags), progress));
  try {
    const { model, target } = compilation.plan;
    const folder = host.files.resolve(flags.output ?? `${model}-${target}`);
    checkReplaceable(host.files, folder);
    const packed = flags.weights === "packed";
    const artifact = packed ? unwrap(door, await buildArtifact(host, compilation, progress)) : undefined;
    const summary = summarize(compilation);
    await writeOutput(door, { folder, compilation, artifact, mark: `${JSON.stringify(summary, undefined, 2)}\n` });
    const { quantization = [] } = artifact?.weights ?? {};
    if (flags.json === true) writeJson(door, { folder, quantization, ...summary });
    else door.terminal.out(`${renderSummary(summary)}\nwrote ${folder}\n`);
  } finally {
    compilation.model.weights?.close();
  }
}

/** A folder that is empty or our own may be replaced; anything else stays. */
function checkReplaceable(files: Files, folder: string): void {
  if (!files.exists(folder)) return;
  if (files.isDirectory(folder)) {
    const names = files.list(folder);
    if (names.length === 0 || names.includes(markFile)) return;
  }
  throw new CommandFailure(
    diagnostic("command/output-exists", "the output exists and was not written by `llmir compile`", {
      at: folder,
      hint: "give another folder with `-o`, or remove this one",
    }),
  );
}

interface Output {
  readonly folder: string;
  readonly compilation: Compilation;
  readonly artifact: Artifact | undefined;
  readonly mark: string;
}

async function writeOutput({ host }: Door, { folder, compilation, artifact, mark }: Output): Promise<void> {
  const { files } = host;
  files.remove(folder);
  await files.writeFolder(folder, async (temporary) => {
    if (artifact === undefined) writeSources(host, compilation, temporary);
    else for (const part of [artifact.folder, artifact.weightsFolder]) copyFolder(files, part, temporary);
    files.write(files.join(temporary, markFile), mark);
  });
}

/** Copies chunk by chunk, since weight files may be larger than memory. */
function copyFolder(files: Files, from: string, to: string): void {
  files.makeFolder(to);
  for (const name of files.list(from)) {
    const [source, copy] = [files.join(from, name), files.join(to, name)];
    if (files.isDirectory(source)) copyFolder(files, source, copy);
    else copyFile(files, source, copy);
  }
}

function copyFile(files: Files, from: string, to: string): void {
  const source = files.open(from);
  try {
    const copy = files.create(to, source.sizeBytes);
    try {
      for (let offset = 0; offset < source.sizeBytes; offset += copyChunkBytes) {
        copy.write(offset, source.read(offset, Math.min(copyChunkBytes, source.sizeBytes - offset)));
      }
    } finally {
      copy.close();
    }
  } finally {
    source.close();
  }
}
