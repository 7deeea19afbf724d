/** Codes of the `rule/` area: rule files, schedules, and what checking a rule by machine finds. */

import type { CodeEntry } from "./entry.js";

export const ruleCodes = {
  "rule/syntax": {
    severity: "error",
    meaning: "The text is not in the form that `docs/languages/rules.md` describes; the place is the first word that does not fit.",
  },
  "rule/too-large": {
    severity: "error",
    meaning: "A rule file, its brackets, or the right side of a rule with its shared terms written out, is larger than any rule needs.",
  },
  "rule/missing-header": {
    severity: "error",
    meaning: "A file with rules starts with `rules <family> <purpose>`.",
  },
  "rule/family-name": {
    severity: "error",
    meaning: "The family's name is not the file's path below the folder of rules.",
  },
  "rule/unknown-purpose": {
    severity: "error",
    meaning: "The purpose of a family is one of `simplify`, `normalise`, `replace`, `lower` and `explore`.",
  },
  "rule/misplaced-item": {
    severity: "error",
    meaning: "A schedule stands in the entry file and nowhere else; rules and imports stand in a family's file.",
  },
  "rule/unknown-class": {
    severity: "error",
    meaning: "Before `rule` stands how its sides agree in numbers: `exact`, `reassociates` or `approximate`.",
  },
  "rule/duplicate-name": {
    severity: "error",
    meaning: "Two rules have the same name; explanations call a rule by it.",
  },
  "rule/arrow": {
    severity: "error",
    meaning: "The arrow `~>` belongs to approximate rules, and `=>` and `<=>` to the others.",
  },
  "rule/missing-quantize": {
    severity: "error",
    meaning: "An approximate form must read an op that rounds, as `quantize` does; this one has none.",
  },
  "rule/bare-pattern": {
    severity: "error",
    meaning: "A left side must be an op: a bare variable would match every value of the program.",
  },
  "rule/unknown-op": {
    severity: "error",
    meaning: "No op of that name is registered: neither a core op nor a kernel of the chosen target.",
  },
  "rule/operand-count": {
    severity: "error",
    meaning: "An op has more or fewer operands than it takes.",
  },
  "rule/unknown-attribute": {
    severity: "error",
    meaning: "The op has no attribute of that name.",
  },
  "rule/missing-attribute": {
    severity: "error",
    meaning: "An attribute is not written. Premises are complete: what does not matter is said with `_`.",
  },
  "rule/duplicate-attribute": {
    severity: "error",
    meaning: "An attribute is written twice.",
  },
  "rule/attribute-kind": {
    severity: "error",
    meaning: "An attribute's value is not of the kind that the op declares.",
  },
  "rule/attribute-pattern": {
    severity: "error",
    meaning: "On the left, an attribute is a literal, a variable, a list of these, or `_`; nothing is computed.",
  },
  "rule/unbound-variable": {
    severity: "error",
    meaning: "A variable is used that the left side does not bind.",
  },
  "rule/unused-variable": {
    severity: "warning",
    meaning: "A variable is bound once and used nowhere; `_` says that it does not matter.",
  },
  "rule/variable-kind": {
    severity: "error",
    meaning: "One name stands for a value and for an attribute, or for attributes of different kinds.",
  },
  "rule/wildcard": {
    severity: "error",
    meaning: "`_` matches anything, so it cannot stand in what is built or computed.",
  },
  "rule/written-type": {
    severity: "error",
    meaning: "The type of a leaf such as `constant` is written where it is built, and of no other op and in no pattern.",
  },
  "rule/unknown-function": {
    severity: "error",
    meaning: "The prelude has no function of that name.",
  },
  "rule/function-arguments": {
    severity: "error",
    meaning: "A prelude function is called with too few or too many arguments, or with arguments of another kind.",
  },
  "rule/expression-kind": {
    severity: "error",
    meaning: "A guard is no yes-or-no question, or an operator stands between things that it cannot relate.",
  },
  "rule/unknown-word": {
    severity: "error",
    meaning: "A bare word is a dtype, `true` or `false`; anything else is a string in quotes or a variable.",
  },
  "rule/roots": {
    severity: "error",
    meaning: "The right side does not say clearly which premise's root gets which new form.",
  },
  "rule/reverse": {
    severity: "error",
    meaning: "`<=>` needs one pattern on each side, both of which can match.",
  },
  "rule/same-sides": {
    severity: "error",
    meaning: "Both sides are the same term, so the rule says nothing.",
  },
  "rule/type-mismatch": {
    severity: "error",
    meaning: "For all operands that were tried, the right side has another type than what it replaces, or none.",
  },
  "rule/import-path": {
    severity: "error",
    meaning: "An import names a `.rules` file below the folder of rules: a relative path with `/`, without `..`.",
  },
  "rule/import-cycle": {
    severity: "error",
    meaning: "A family imports itself, directly or through others.",
  },
  "rule/missing-file": {
    severity: "warning",
    meaning: "A family that is scheduled or imported has no file; the program is compiled without it.",
  },
  "rule/missing-entry": {
    severity: "error",
    meaning: "The file with the schedule does not exist.",
  },
  "rule/schedule": {
    severity: "error",
    meaning: "The entry file has no schedule or more than one, or a phase repeats a name or states a limit that does not exist.",
  },
  "rule/unknown-family": {
    severity: "error",
    meaning: "A family that should be left out is not one of the schedule's.",
  },
  "rule/declaration": {
    severity: "error",
    meaning: "A `given` declares a name twice, or with something that is not a type.",
  },
  "rule/test-type": {
    severity: "error",
    meaning: "A term of a test is ill-typed, or its goal is of another type than its start, so that they can never be equal.",
  },
  "rule/unknown-rule": {
    severity: "error",
    meaning: "No rule of that name is loaded.",
  },
  "rule/guard-always": {
    severity: "warning",
    meaning: "A guard holds for all operands to which the rule applies without it.",
  },
  "rule/guard-never": {
    severity: "warning",
    meaning: "No operands were found that fit the left side and for which this guard holds.",
  },
  "rule/same-left": {
    severity: "warning",
    meaning: "Two rules that simplify or normalise match the same terms under the same guards.",
  },
  "rule/grows": {
    severity: "warning",
    meaning: "A rule matches a part of what it builds, with larger operands, outside a family that explores.",
  },
  "rule/open-dtype": {
    severity: "warning",
    meaning: "A rule that is not exact leaves the format of a cast open, so a bound for the coarsest format hides a narrowing.",
  },
  "rule/stale-note": {
    severity: "warning",
    meaning: "A `lint ok` or `mutant ok` comment explains a finding that there is not.",
  },
  "rule/unformatted": {
    severity: "error",
    meaning: "`rules fmt --check` found a file that is not in the canonical form.",
  },
  "rule/test-failed": {
    severity: "error",
    meaning: "The rules do not reach the goal of a `=>` test, or do reach that of a `!=>` test, or never came to an end.",
  },
  "rule/unsound": {
    severity: "error",
    meaning: "The sides of a rule differ on operands that fit its left side by more than its class allows.",
  },
  "rule/unchecked": {
    severity: "warning",
    meaning: "No operands were found that fit the left side, so the rule could not be checked by machine.",
  },
  "rule/blamed": {
    severity: "error",
    meaning: "`llmir bisect` found that the rule makes a plan compute something else than the model.",
  },
  "rule/not-checked": {
    severity: "error",
    meaning:
      "A rule changes a program only after it was found sound: `llmir rules check` says what is in the way, and " +
      "`--unchecked-rules` uses it all the same.",
  },
  "rule/used-unchecked": {
    severity: "warning",
    meaning: "Rules that nobody has found sound took part, since `--unchecked-rules` was given: the output may be wrong.",
  },
  "rule/file-name": {
    severity: "error",
    meaning: "The name of a rule file of your own is its family's, with `.rules` behind it.",
  },
  "rule/family-taken": {
    severity: "error",
    meaning: "A family of your own has the name of a shipped one, or of another of yours.",
  },
} as const satisfies Record<`rule/${string}`, CodeEntry>;
