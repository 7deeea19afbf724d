/** Codes of the `ir/` area: the text form of modules, and modules that break their own rules. */

import type { CodeEntry } from "./entry.js";

export const irCodes = {
  "ir/syntax": {
    severity: "error",
    meaning: "The text is not in the form that `docs/languages/ir.md` describes; the place is the first word that does not fit.",
  },
  "ir/too-large": {
    severity: "error",
    meaning: "The text is longer than any module can sensibly be, and was not read.",
  },
  "ir/too-deep": {
    severity: "error",
    meaning: "Brackets are nested more deeply than any form of the language needs, and the text was not read.",
  },
  "ir/more-errors": {
    severity: "error",
    meaning: "There are more errors than are listed; the rest appear once these are mended.",
  },
  "ir/unknown-dialect": {
    severity: "error",
    meaning: "An operation's name does not start with `llm.`, the only dialect there is.",
  },
  "ir/unknown-op": {
    severity: "error",
    meaning: "No op of that name is registered: neither a core op nor a kernel of the chosen target.",
  },
  "ir/misplaced-param": {
    severity: "error",
    meaning: "`param` stands for a parameter inside the e-graph; a module reads the parameter itself.",
  },
  "ir/unknown-function": {
    severity: "error",
    meaning: "A `layers` operation runs a function that the module does not have.",
  },
  "ir/undefined-value": {
    severity: "error",
    meaning: "A value is used that its function does not define, or a result that its operation does not have.",
  },
  "ir/used-before-definition": {
    severity: "error",
    meaning: "A value or a function is used above the place that defines it; functions and operations are in execution order.",
  },
  "ir/redefinition": {
    severity: "error",
    meaning: "Two values of one function, or two functions, have the same name or are defined twice.",
  },
  "ir/bad-name": {
    severity: "error",
    meaning: "A function's name is not an identifier, or a value's name cannot follow a `%`.",
  },
  "ir/bad-type": {
    severity: "error",
    meaning: "A type is none of `tensor`, `!llm.paged_kv_cache`, `!llm.quantized_tensor` and `!llm.packed_tensor`, or its parts do not fit.",
  },
  "ir/operand-count": {
    severity: "error",
    meaning: "An operation has more or fewer operands than its op takes, or than its signature lists.",
  },
  "ir/operand-type": {
    severity: "error",
    meaning: "The type that a signature states for an operand is not the type of that value.",
  },
  "ir/result-count": {
    severity: "error",
    meaning: "An operation or a function gives more or fewer results than are named or listed.",
  },
  "ir/result-type": {
    severity: "error",
    meaning: "The stated type of a result is not the type that follows from the operands and attributes.",
  },
  "ir/ill-typed": {
    severity: "error",
    meaning: "The op does not accept these operand types or attribute values.",
  },
  "ir/return-type": {
    severity: "error",
    meaning: "What a function returns is not what its signature says.",
  },
  "ir/unknown-attribute": {
    severity: "error",
    meaning: "The op has no attribute of that name.",
  },
  "ir/missing-attribute": {
    severity: "error",
    meaning: "An attribute is not given; all attributes of an op are required.",
  },
  "ir/repeated-attribute": {
    severity: "error",
    meaning: "An attribute is given twice.",
  },
  "ir/attribute-kind": {
    severity: "error",
    meaning: "An attribute's value is of the wrong kind, or outside the numbers that can be represented exactly.",
  },
  "ir/layers-signature": {
    severity: "error",
    meaning: "What a `layers` operation carries and passes does not fit the parameters and results of its body.",
  },
  "ir/no-entry": {
    severity: "error",
    meaning: "The module has no function `@step`.",
  },
  "ir/entry-signature": {
    severity: "error",
    meaning: "The parameters or results of `@step` are not those that the runtime passes and reads.",
  },
  "ir/cache-use": {
    severity: "error",
    meaning: "A cache is read, appended to or returned after something was appended to it; each append makes a new cache and ends the old one.",
  },
} as const satisfies Record<`ir/${string}`, CodeEntry>;
