/** The face of one stored match towards conditions and payload functions: names to classes and payloads. */
import type { Core } from "../core.js";
import type { EGraph } from "../egraph.js";
import { EGraphError } from "../errors.js";
import type { EClassId, MatchView } from "../types.js";
import type { RecordLayout } from "./record-layout.js";

/** Invariant: `data[base ..]` holds one match record of the layout while the view is in someone's hands. */
export class StoredMatch<D> implements MatchView<D> {
  readonly graph: EGraph<D>;
  data: Int32Array = new Int32Array(0);
  base = 0;
  readonly #core: Core<D>;
  readonly #layout: RecordLayout;

  constructor(graph: EGraph<D>, core: Core<D>, layout: RecordLayout) {
    this.graph = graph;
    this.#core = core;
    this.#layout = layout;
  }

  classOf(variable: string): EClassId {
    const at = this.#layout.classAt.get(variable);
    if (at === undefined) throw this.#unknown("class variable", variable);
    return this.#core.classes.find(this.data[this.base + at]!) as EClassId;
  }

  payloadOf(name: string): unknown {
    const at = this.#layout.payloadAt.get(name);
    if (at === undefined) throw this.#unknown("payload", name);
    const { labels, nodes } = this.#core;
    return labels.payload(labels.labelOf(nodes.shapeOf(this.data[this.base + at]!)));
  }

  #unknown(what: string, name: string): EGraphError {
    return new EGraphError("unknown-name", `rule "${this.#layout.ruleName}" binds no ${what} "${name}"`);
  }
}
