/**
 * Every code a person can meet, one table an area. `docs/diagnostics.md` is generated from it, and a
 * test insists that each code has a fixture that provokes it.
 */

import { commandCodes } from "./codes/command.js";
import { irCodes } from "./codes/ir.js";
import { modelCodes } from "./codes/model.js";
import { planCodes } from "./codes/plan.js";
import { ruleCodes } from "./codes/rule.js";
import { targetCodes } from "./codes/target.js";

export const catalogue = {
  ...commandCodes,
  ...irCodes,
  ...modelCodes,
  ...planCodes,
  ...ruleCodes,
  ...targetCodes,
} as const;

export type Code = keyof typeof catalogue;
