/**
 * The distinct modules of a plan. Kernels with equal parameters whose operands lie in the same kinds of
 * places are one module, whatever the number of calls, layers and scenarios. Collects for each the calls
 * that use it.
 */

import { invariant, TextWriter } from "../../../src/base/index.js";
import { wgslComment } from "../../../src/codegen/index.js";
import type { DispatchRecord, ModuleRecord } from "../program.js";
import type { KernelInstance } from "../kernel-row.js";
import { featureDirectives } from "../kernel-row.js";
import type { Binding, PlacedAccess } from "./accessors.js";
import { bindingsOf, offsetName, printAccessors, printBindings } from "./accessors.js";
import type { LoopInstance } from "./loop-instances.js";

export interface PrintedModule {
  readonly record: ModuleRecord;
  readonly text: string;
}

/** What a call needs to be dispatched, but for the part of a weight. */
export type ModuleUse = Pick<DispatchRecord, "module" | "constants" | "resources">;

interface Module {
  readonly name: string;
  readonly instance: KernelInstance;
  readonly bindings: readonly Binding[];
  readonly body: string;
  /** Calls that use it, for the comment at its head. */
  readonly uses: Set<string>;
}

/** Invariant: modules have different bodies and different names. */
export class ProgramModules {
  readonly #readAsset: (path: string) => string;
  readonly #modules: Module[] = [];

  constructor(readAsset: (path: string) => string) {
    this.#readAsset = readAsset;
  }

  /** The module of an instance with its operands in these places; `use` names the call. */
  use(instance: KernelInstance | LoopInstance, accesses: readonly PlacedAccess[], use: string): ModuleUse {
    const bindings = bindingsOf(accesses);
    const body = this.#body(instance, accesses, bindings);
    let index = this.#modules.findIndex((each) => each.body === body);
    if (index < 0) {
      index = this.#modules.length;
      const name = this.#uniqueName(instance.name);
      this.#modules.push({ name, instance, bindings, body, uses: new Set() });
    }
    this.#modules[index]!.uses.add(use);
    const resources = ["step" as const, ...bindings.map(({ resource }) => resource)];
    return { module: index, constants: offsetsOf(accesses), resources };
  }

  /** All modules so far, in the order of their first use. */
  print(): readonly PrintedModule[] {
    return this.#modules.map(({ name, instance, bindings, body, uses }) => {
      const out = new TextWriter();
      out.line(`// ${wgslComment(`${name}: ${instance.comment}`)}`);
      out.line("//");
      for (const use of uses) out.line(`//   ${wgslComment(use)}`);
      out.gap();
      const records = bindings.map(({ record }) => record);
      return {
        record: {
          name,
          file: `modules/${name}.wgsl`,
          ...(instance.needs && { needs: instance.needs }),
          bindings: [{ name: "step", access: "uniform" }, ...records],
        },
        text: `${out.toString()}${body}`,
      };
    });
  }

  #uniqueName(name: string): string {
    const taken = (candidate: string): boolean => this.#modules.some((each) => each.name === candidate);
    let unique = name;
    for (let i = 2; taken(unique); i++) unique = `${name}_${i}`;
    return unique;
  }

  #body(
    instance: KernelInstance | LoopInstance,
    accesses: readonly PlacedAccess[],
    bindings: readonly Binding[],
  ): string {
    const out = new TextWriter();
    for (const feature of instance.needs ?? []) out.line(featureDirectives[feature]);
    if (instance.needs !== undefined) out.gap();
    printBindings(bindings, out);
    out.gap();
    for (const { name, type, value } of instance.constants) out.line(`const ${name}: ${type} = ${value};`);
    printAccessors(accesses, bindings, out);
    if (instance.rows.length > 0) {
      const factors = instance.rows.map((dim) => (typeof dim === "number" ? String(dim) : `step.${dim}`));
      out.gap().line(`fn row_count() -> i32 { return ${factors.join(" * ")}; }`);
    }
    for (const file of instance.files) out.gap().line(this.#readAsset(`backends/wgsl/${file}`).trimEnd());
    if ("text" in instance) out.gap().line(instance.text.trimEnd());
    return out.toString();
  }
}

function offsetsOf(accesses: readonly PlacedAccess[]): Readonly<Record<string, number>> {
  const entries = accesses.flatMap((each): (readonly [string, number])[] => {
    const name = offsetName(each);
    if (name === undefined) return [];
    invariant(each.place.kind === "shared", "only shared buffers have offsets");
    return [[name, each.place.offsetWords]];
  });
  return Object.fromEntries(entries);
}
