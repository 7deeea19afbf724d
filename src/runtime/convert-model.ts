/** Writes a model folder, with its tokenizer, as one GGUF file. */

import type { Files } from "../base/index.js";
import type { Result } from "../diagnostics/index.js";
import { diagnostic, failure, success } from "../diagnostics/index.js";
import type { ExportType, GgufPlan, ImportedModel, JsonObject, TokenizerExport } from "../frontend/index.js";
import { exportModel, exportTokenizer, importModel, planGguf, writeGguf } from "../frontend/index.js";
import { loadTokenizer, readTokenizerFiles } from "./tokenizer.js";

export interface ConvertRequest {
  /** A Hugging Face folder. */
  readonly model: string;
  /** The file to write. */
  readonly output: string;
  /** Of matrices; as the folder stores them when undefined. */
  readonly type?: ExportType | undefined;
}

export interface Converted {
  readonly output: string;
  readonly sizeBytes: number;
  /** How many tensors are stored in each format. */
  readonly tensors: Readonly<Record<string, number>>;
}

/**
 * What cannot be kept faithfully is refused before anything is written. Throws `HostError` when writing
 * fails.
 */
export function convertModel(files: Files, request: ConvertRequest): Result<Converted> {
  // The size of cache blocks leaves no trace in the file.
  const imported = importModel(request.model, files, { blockSize: 16 });
  if (!imported.ok) return imported;
  const model = imported.value;
  try {
    const plan = planFile(files, model, request.type);
    if (!plan.ok) return plan;
    const output = files.resolve(request.output);
    writeFile(files, plan.value, output);
    return success({ output, sizeBytes: plan.value.sizeBytes, tensors: countFormats(plan.value) });
  } finally {
    model.weights?.close();
  }
}

function planFile(files: Files, model: ImportedModel, type: ExportType | undefined): Result<GgufPlan> {
  const { folder, tokenizerPath } = model;
  if (tokenizerPath !== folder) {
    const message = "the model cannot be written as GGUF: it is a GGUF file already";
    return failure(diagnostic("model/not-convertible", message, { at: tokenizerPath }));
  }
  const described = describeTokenizer(files, model);
  if (!described.ok) return described;
  const tokenizer = exportTokenizer(described.value, folder);
  if (!tokenizer.ok) return tokenizer;
  const content = exportModel({ model, tokenizer: tokenizer.value, type });
  return content.ok ? success(planGguf(content.value)) : content;
}

function describeTokenizer(files: Files, { folder, vocabulary }: ImportedModel): Result<TokenizerExport> {
  const loaded = loadTokenizer(folder, files);
  if (!loaded.ok) return loaded;
  const parsed = readTokenizerFiles(folder, files);
  if (!parsed.ok) return parsed;
  const { bosId, eosIds, addsBos } = loaded.value;
  const { tokenizer, tokenizerConfig } = parsed.value;
  const main = eosIds.find((id) => loaded.value.tokenName(id) === tokenizerConfig?.["eos_token"]);
  return success({
    tokenizer,
    vocabulary,
    bosId,
    eosIds: main === undefined ? eosIds : [main, ...eosIds.filter((id) => id !== main)],
    addsBos,
    chatTemplate: templateOf(tokenizerConfig),
  });
}

function templateOf(config: JsonObject | undefined): string | undefined {
  const template = config?.["chat_template"];
  return typeof template === "string" ? template : undefined;
}

/** A file that could not be finished is removed. */
function writeFile(files: Files, plan: GgufPlan, output: string): void {
  const file = files.create(output, plan.sizeBytes);
  try {
    writeGguf(plan, file);
    file.close();
  } catch (error) {
    file.close();
    files.remove(output);
    throw error;
  }
}

function countFormats({ tensors }: GgufPlan): Readonly<Record<string, number>> {
  const formats: Record<string, number> = {};
  for (const { type } of tensors) formats[type] = (formats[type] ?? 0) + 1;
  return formats;
}
