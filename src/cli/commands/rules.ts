/** `llmir rules`: what the shipped rules are, and whether rules hold. */

import type { Command } from "commander";

import type { CompiledRule } from "../../rules/index.js";
import type { Door } from "../door.js";
import { writeJson } from "../door.js";
import { parseCount, parseWhole } from "../flags.js";
import { formatTable } from "../format.js";
import { shippedRules } from "../shipped-rules.js";
import type { CheckFlags } from "./rules-check.js";
import { checkRules } from "./rules-check.js";
import { addRulesAblate } from "./rules-ablate.js";
import { addRulesCoverage, addRulesProfile } from "./rules-coverage.js";
import { addRulesFmt } from "./rules-fmt.js";
import { addRulesLsp } from "./rules-lsp.js";
import { addRulesMutate } from "./rules-mutate.js";
import { addRulesTest } from "./rules-test.js";
import { addRulesWhyNot } from "./rules-why-not.js";

const parts = [
  addRulesTest,
  addRulesFmt,
  addRulesMutate,
  addRulesWhyNot,
  addRulesAblate,
  addRulesCoverage,
  addRulesProfile,
  addRulesLsp,
] as const;

export function addRules(program: Command, door: Door): void {
  const rules = program.command("rules").summary("work on rewrite rules").description("The workbench for rewrite rules.");
  rules
    .command("list")
    .summary("the rules that come with llmir")
    .description("Lists the shipped rules by family, with the equation each of them states.")
    .option("--json", "print an array of records")
    .addHelpText("after", "\nExample:\n  llmir rules list")
    .action((flags: { readonly json?: boolean }) => {
      listRules(door, flags.json === true);
    });
  rules
    .command("check")
    .summary("test rules against random operands")
    .description(
      "Draws random operands that fit the left side of each rule, evaluates both sides, and reports the smallest " +
        "difference it finds. Without files, checks the shipped rules.",
    )
    .argument("[files...]", "rule files; each is checked by itself")
    .option("--seed <number>", "same seed, same operands", parseWhole, 1)
    .option("--cases <count>", "draws for each rule", parseCount, 40)
    .option("--no-cache", "check again what was found sound before")
    .option("--json", "print a record for each rule")
    .addHelpText("after", "\nExamples:\n  llmir rules check\n  llmir rules check my-family.rules --cases 500")
    .action((files: readonly string[], flags: CheckFlags) => checkRules(door, files, flags));
  for (const add of parts) add(rules, door);
}

function listRules(door: Door, json: boolean): void {
  const { families } = shippedRules(door);
  if (json) {
    writeJson(door, families.flatMap((family) => family.rules.map(toJson)));
    return;
  }
  const blocks = families.map(({ name, purpose, doc, rules }) => {
    const rows = rules.map((rule) => [rule.name, rule.numerics, firstSentence(rule.doc)]);
    return `${name} (${purpose}): ${firstSentence(doc)}\n${formatTable(rows, ["left", "left", "left"])}`;
  });
  door.terminal.out(blocks.join("\n"));
}

function toJson({ name, file, line, numerics, family, purpose, doc }: CompiledRule): object {
  return { name, file, line, numerics, family, purpose, doc };
}

/** Documents are wrapped to the width of a file. */
function firstSentence(doc: string): string {
  const [paragraph = ""] = doc.split("\n\n", 1);
  return /^.*?[.](?=\s|$)/s.exec(paragraph)?.[0].replaceAll("\n", " ") ?? paragraph.replaceAll("\n", " ");
}
