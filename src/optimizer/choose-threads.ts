/**
 * How many threads a program is worth: a small model spends more in waiting for other threads than it gains
 * from them. Prices the selected program at each count, a token read and a token written.
 */

import { at, invariant } from "../base/index.js";
import type {
  SelectedFunction,
  SelectedOperand,
  SelectedProgram,
  SelectedScenario,
  ValueType,
} from "../ir/index.js";
import type { Pricing } from "./price.js";
import { priceUse } from "./price.js";

/**
 * A further thread must save this share: a thread that waits for a busy core costs far more than it gives.
 */
const WORTHWHILE = 0.1;

/** The largest count, from 1 to the machine's threads, whose every thread is worthwhile. */
export function chooseThreads(selected: SelectedProgram, pricing: Pricing): number {
  let best = { threads: 1, ns: Infinity };
  for (let threads = 1; threads <= pricing.hardware.threads; threads++) {
    const ns = tokenNs(selected, { ...pricing, hardware: { ...pricing.hardware, threads } });
    if (ns < best.ns * (1 - WORTHWHILE)) best = { threads, ns };
  }
  return best.threads;
}

/** Predicted time of a token in each scenario, added up. */
function tokenNs(selected: SelectedProgram, pricing: Pricing): number {
  return selected.scenarios.reduce(
    (sum, scenario) => sum + stepNs(selected, scenario, pricing) / (scenario.dims["T"] ?? 1),
    0,
  );
}

function stepNs(selected: SelectedProgram, scenario: SelectedScenario, pricing: Pricing): number {
  return scenario.functions.reduce((sum, func) => {
    const once = func.nodes.reduce((ns, node) => {
      if (node.view) return ns;
      const operands = node.operands.map((operand) => operandType(selected, func, operand));
      const constant = node.operands.map(({ kind }) => kind === "constant");
      const use = { op: node.kernel, attrs: node.attrs, operands, constant, result: node.type };
      return ns + (priceUse(pricing, use, scenario.dims)?.timeNs ?? 0);
    }, 0);
    return sum + once * func.instances;
  }, 0);
}

function operandType(selected: SelectedProgram, func: SelectedFunction, operand: SelectedOperand): ValueType {
  switch (operand.kind) {
    case "node":
      return at(func.nodes, operand.index).type;
    case "constant":
      return at(selected.constants, operand.index).type;
    case "value": {
      const value = func.func.values.find(({ name }) => name === operand.name);
      invariant(value !== undefined, "an operand is a value of its function");
      return value.type;
    }
  }
}
