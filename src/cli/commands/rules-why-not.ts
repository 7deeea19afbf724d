/** `llmir rules why-not`: where a rule nearly applied in a model, and what was in its way. */

import type { Command } from "commander";

import type { Compilation } from "../../compiler/index.js";
import { compileChecked } from "../../compiler/index.js";
import { diagnostic, didYouMean } from "../../diagnostics/index.js";
import type { NearMissStory, WhyNot } from "../../optimizer/index.js";
import { explainAbsence } from "../../optimizer/index.js";
import type { CompiledRule } from "../../rules/index.js";
import type { Door } from "../door.js";
import { CommandFailure, unwrap, writeJson } from "../door.js";
import type { CompileFlags } from "../flags.js";
import { addCompileFlags, compileOptions, parseCount } from "../flags.js";
import { count } from "../format.js";
import { createProgress } from "../progress.js";
import { readFamilies, settle } from "../rule-sources.js";

interface Flags extends CompileFlags {
  readonly file?: string;
  readonly limit: number;
  readonly json?: boolean;
}

export function addRulesWhyNot(rules: Command, door: Door): void {
  addCompileFlags(
    rules
      .command("why-not")
      .summary("where a rule nearly applied")
      .description(
        "Compiles a model and lists the places where all but one premise of a rule hold, the closest first, with the " +
          "premise that failed and what was there instead.",
      )
      .argument("<rule>", "the rule's name")
      .argument("<model>", "model folder, or its config.json alone")
      .option("--file <path>", "take the rule from this file instead of the shipped ones"),
  )
    .option("--limit <count>", "places to list", parseCount, 10)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  llmir rules why-not merge_qkv path/to/model\n  llmir rules why-not mine path/to/model --file mine.rules")
    .action((rule: string, model: string, flags: Flags) => whyNot(door, rule, model, flags));
}

async function whyNot(door: Door, name: string, path: string, flags: Flags): Promise<void> {
  const progress = createProgress(door, flags.json === true);
  const compilation = unwrap(door, await compileChecked(door.host, path, compileOptions(flags), progress));
  compilation.model.weights?.close();
  const rule = findRule(door, name, compilation, flags.file);
  const story = explainAbsence(compilation.optimized, rule, { quantize: flags.quantize });
  const misses = story.misses.slice(0, flags.limit);
  if (flags.json === true) writeJson(door, { file: rule.file, ...story, misses });
  else door.terminal.out(render(rule, story, flags.limit));
}

function findRule(door: Door, name: string, { rules }: Compilation, file: string | undefined): CompiledRule {
  if (file === undefined) return findByName(rules.rules, name);
  const { families, diagnostics } = readFamilies(door, [file]);
  settle(door, diagnostics);
  return findByName(families.flatMap((family) => family.rules), name);
}

/** Ends the command when there is no such rule. */
export function findByName(rules: readonly CompiledRule[], name: string): CompiledRule {
  const rule = rules.find((each) => each.name === name);
  if (rule !== undefined) return rule;
  const known = rules.map((each) => each.name);
  throw new CommandFailure(
    diagnostic("rule/unknown-rule", `there is no rule \`${name}\``, {
      hint: didYouMean(name, known) ?? "`llmir rules list` names the shipped ones",
    }),
  );
}

function render(rule: CompiledRule, { matches, misses, complete }: WhyNot, limit: number): string {
  const place = `${rule.file}:${rule.line}`;
  const fits = matches === 0 ? "fits nowhere" : `fits in ${count(matches, "place")}`;
  const shown = misses.slice(0, limit);
  const title = `${rule.name} (${place}) ${fits}; ${count(misses.length, "near miss", "near misses")}\n`;
  const cut = complete ? "" : "the model has more places than were looked at\n";
  const rest = misses.length > shown.length ? `and ${misses.length - shown.length} more\n` : "";
  return title + shown.map((each) => renderMiss(each, rule)).join("") + rest + cut;
}

function renderMiss(
  { func, value, premise, line, found, satisfied, places }: NearMissStory,
  { file }: CompiledRule,
): string {
  const several = places === 1 ? "" : `, in ${places} places`;
  const where = `${func === undefined ? value : `@${func} ${value}`}${several}`;
  return `\n  ${where}    ${count(satisfied, "premise")} fitted\n    but not  ${premise}    ${file}:${line}\n    found    ${found}\n`;
}
