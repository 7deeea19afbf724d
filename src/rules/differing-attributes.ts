/** Attributes of a node that do not fit a pattern's literals. */

import { fitsLiterals } from "./attribute-binders.js";
import type { NodePayload } from "./facts.js";
import type { NodePattern } from "./rule.js";

export function differingAttributes(pattern: NodePattern, payload: NodePayload): readonly string[] {
  return Object.entries(pattern.attrs)
    .filter(([name, attr]) => !fitsLiterals({ ...pattern, attrs: { [name]: attr } }, payload))
    .map(([name]) => name);
}
