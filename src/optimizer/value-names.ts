/** Classes of a saturated graph by the names of the model's values, as far as they have any. */

import type { EClassId, EGraph } from "../egraph-ts/index.js";
import type { Facts } from "../rules/index.js";
import { isLoopKernel } from "./price.js";
import type { Optimized } from "./optimize.js";

export interface ValueName {
  /** The function of the model. */
  readonly func: string | undefined;
  /** `%name` of a value of the model; of what rules made, its op. */
  readonly value: string;
}

export function valueNames({ input }: Optimized): (cls: EClassId) => ValueName {
  const { graph, regions } = input;
  const names = new Map<EClassId, ValueName>();
  for (const { func, names: own } of regions) {
    for (const [cls, name] of own) {
      const canonical = graph.find(cls);
      if (!names.has(canonical)) names.set(canonical, { func: func.name, value: `%${name}` });
    }
  }
  return (cls) => names.get(graph.find(cls)) ?? { func: undefined, value: madeValue(graph, cls) };
}

/** What a rule made is known by its oldest op and that rule. */
function madeValue(graph: EGraph<Facts>, cls: EClassId): string {
  const nodes = graph.nodesOf(graph.find(cls));
  const node = nodes.find((each) => !isLoopKernel(graph.labelOp(graph.nodeLabel(each)))) ?? nodes[0];
  if (node === undefined) return "a value";
  const op = graph.labelOp(graph.nodeLabel(node));
  const rule = graph.origin(node)?.rule;
  return rule === undefined ? op : `${op} made by ${rule}`;
}
