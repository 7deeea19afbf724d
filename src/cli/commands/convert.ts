/** `llmir convert`: a Hugging Face folder as one GGUF file. */

import type { Command } from "commander";
import { Option } from "commander";

import { diagnostic } from "../../diagnostics/index.js";
import type { ExportType } from "../../frontend/index.js";
import { exportTypes } from "../../frontend/index.js";
import type { Converted } from "../../runtime/index.js";
import { convertModel } from "../../runtime/index.js";
import type { Door } from "../door.js";
import { CommandFailure, unwrap, writeJson } from "../door.js";
import { count, formatBytes } from "../format.js";

interface Flags {
  readonly type?: ExportType;
  readonly json?: boolean;
}

export function addConvert(program: Command, door: Door): void {
  program
    .command("convert")
    .summary("write a model folder as a GGUF file")
    .description("Writes a Hugging Face folder as one GGUF file, with its tokenizer, for llama.cpp and for `llmir run`.")
    .argument("<model>", "Hugging Face folder with config.json, safetensors and tokenizer.json")
    .argument("<output>", "the file to write; its name ends in .gguf")
    .addOption(
      new Option("--type <format>", "of the matrices (default: as the folder stores them)").choices(exportTypes),
    )
    .option("--json", "print a summary as JSON")
    .addHelpText("after", "\nExample:\n  llmir convert path/to/model model-q8_0.gguf --type q8_0")
    .action((model: string, output: string, flags: Flags) => {
      checkOutput(door, output);
      const written = unwrap(door, convertModel(door.host.files, { model, output, type: flags.type }));
      if (flags.json === true) writeJson(door, written);
      else door.terminal.out(render(written));
    });
}

function checkOutput({ host: { files } }: Door, output: string): void {
  if (!output.endsWith(".gguf")) {
    const message = "the name of the output must end in `.gguf`";
    throw new CommandFailure(diagnostic("command/invalid-argument", message, { at: output }));
  }
  if (files.exists(files.resolve(output))) {
    const message = "there is a file of that name already";
    const hint = "give another name, or remove it";
    throw new CommandFailure(diagnostic("command/output-exists", message, { at: output, hint }));
  }
}

function render({ output, sizeBytes, tensors }: Converted): string {
  const total = Object.values(tensors).reduce((sum, many) => sum + many, 0);
  const list = Object.entries(tensors).map(([type, many]) => `${many} ${type}`).join(", ");
  return `wrote ${output}: ${count(total, "tensor")} (${list}), ${formatBytes(sizeBytes)}\n`;
}
