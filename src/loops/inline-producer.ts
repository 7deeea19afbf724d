/**
 * Fusion of two loop kernels: where the reader loads an element that the producer stores, the producer's
 * statements compute it instead, and the buffer between them is gone. Stores round, so the value that takes
 * the place of a load is rounded to the buffer's dtype: the fused kernel gives what the two give, to the bit.
 *
 *     parallel i0 < T                          parallel i0 < T
 *       t[i0] = exp(x[i0])                       let t_0: f32 = exp(x[i0])
 *     parallel i0 < T                    =>      y[i0] = (t_0 * t_0)
 *       y[i0] = (t[i0] * t[i0])
 *
 * Sums of the producer stand in front of the outermost loop of the reader that they do not depend on, but
 * inside the parallel loops at the top, whose iterations a target deals out.
 */

import type { DType, LoopKernel, Scalar, Statement } from "../ir/index.js";
import { cast, local } from "../ir/index.js";
import { printScalar } from "./print-loops.js";
import {
  allStatements,
  bodyOf,
  declaredNames,
  mapOwnScalars,
  mapParts,
  readNames,
  renameBody,
  renameScalar,
  withBody,
} from "./rewrite-loops.js";

/** How a kernel computes one element of its result. */
interface ElementForm {
  /** What runs first: sums over rows, their square roots. */
  readonly before: readonly Statement[];
  /** For each axis of the result the loop that runs over it; undefined for an axis of extent 1. */
  readonly axes: readonly (string | undefined)[];
  readonly value: Scalar;
}

/** Undefined for a kernel that stores in several places, conditionally, or not element by element. */
function elementForm(body: readonly Statement[], loops: readonly string[] = []): ElementForm | undefined {
  const before = body.slice(0, -1);
  const last = body.at(-1);
  if (last === undefined || allStatements(before).some(({ kind }) => kind === "store")) return undefined;
  if (last.kind === "for" && last.mode === "parallel") {
    const inner = elementForm(last.body, [...loops, last.index]);
    return inner && { ...inner, before: [...before, ...inner.before] };
  }
  if (last.kind !== "store") return undefined;
  const axes = last.indices.map((each) => (each.kind === "index" ? each.name : undefined));
  const isPlain = last.indices.every(
    (each) => each.kind === "index" || (each.kind === "number" && each.value === 0),
  );
  const named = axes.filter((name) => name !== undefined);
  const isDistinct = new Set(named).size === named.length && named.length === loops.length;
  const isWhole = isDistinct && loops.every((name) => named.includes(name));
  return isPlain && isWhole ? { before, axes, value: last.value } : undefined;
}

/** One computation of an element in the reader. */
interface Computed {
  /** Names that it must stand inside of. */
  readonly needs: ReadonlySet<string>;
  readonly statements: readonly Statement[];
}

/**
 * The reader with loads of `buffer` replaced by what the producer computes; undefined where that cannot
 * be done. Both kernels' buffers must be named apart already, but for `buffer`, the producer's only result;
 * `tag` makes names of loops and locals that nothing else has.
 */
export function inlineProducer(
  reader: LoopKernel,
  buffer: string,
  producer: LoopKernel,
  tag: string,
): LoopKernel | undefined {
  const form = elementForm(producer.body);
  const dtype = reader.buffers.find(({ name }) => name === buffer)?.dtype;
  if (form === undefined || dtype === undefined) return undefined;
  const body = new Inliner(form, { buffer, dtype, tag }).run(reader.body);
  if (body === undefined) return undefined;
  const inputs = producer.buffers.filter(({ access }) => access === "read");
  const buffers = new Map(inputs.map((each) => [each.name, each]));
  for (const each of reader.buffers) if (each.name !== buffer) buffers.set(each.name, each);
  return { name: reader.name, buffers: [...buffers.values()], body };
}

interface Between {
  readonly buffer: string;
  readonly dtype: DType;
  readonly tag: string;
}

/** Invariant: `#failed` once a load was met that cannot be replaced. */
class Inliner {
  readonly #form: ElementForm;
  readonly #place: Between;
  #count = 0;
  #failed = false;

  constructor(form: ElementForm, place: Between) {
    this.#form = form;
    this.#place = place;
  }

  run(body: readonly Statement[]): readonly Statement[] | undefined {
    const made = this.#top(body);
    return this.#failed ? undefined : made;
  }

  /** Parallel loops at the top with nothing beside them stay so. */
  #top(body: readonly Statement[]): readonly Statement[] {
    const [only, ...others] = body;
    if (only?.kind === "for" && only.mode === "parallel" && others.length === 0) {
      return [{ ...only, body: this.#top(only.body) }];
    }
    return body.flatMap((each) => {
      const { statement, computed } = this.#statement(each);
      return [...computed.flatMap(({ statements }) => statements), statement];
    });
  }

  #statement(statement: Statement): Inlined {
    const own: Computed[] = [];
    const known = new Map<string, Scalar>();
    const use = { own, known, guarded: false };
    const changed = mapOwnScalars(statement, (scalar) => this.#scalar(scalar, use));
    const inside = bodyOf(changed);
    if (inside.length === 0) return { statement: changed, computed: own };
    const names = new Set([...(changed.kind === "for" ? [changed.index] : []), ...changedNames(inside)]);
    const out: Computed[] = [];
    const body = inside.flatMap((each) => {
      const inner = this.#statement(each);
      const staying = inner.computed.filter(({ needs }) => changed.kind === "if" || intersects(needs, names));
      out.push(...inner.computed.filter((computed) => !staying.includes(computed)));
      return [...staying.flatMap(({ statements }) => statements), inner.statement];
    });
    return { statement: withBody(changed, body), computed: [...own, ...out] };
  }

  #scalar(scalar: Scalar, use: LoadUse): Scalar {
    if (scalar.kind === "select") {
      const { condition, then, otherwise } = scalar;
      const branch = (part: Scalar): Scalar => this.#scalar(part, { ...use, guarded: true });
      return {
        ...scalar,
        condition: this.#scalar(condition, use),
        then: branch(then),
        otherwise: branch(otherwise),
      };
    }
    const inner = mapParts(scalar, (part) => this.#scalar(part, use));
    return inner.kind === "load" && inner.buffer === this.#place.buffer ? this.#element(inner.indices, use) : inner;
  }

  /** What stands for a load; behind a condition nothing may run before it. */
  #element(indices: readonly Scalar[], { own, known, guarded }: LoadUse): Scalar {
    const { before, axes, value } = this.#form;
    const { dtype, tag } = this.#place;
    const at = new Map(
      axes.flatMap((name, axis) => (name === undefined ? [] : [[name, indices[axis]!] as const])),
    );
    if (guarded) {
      if (before.length > 0) this.#failed = true;
      return cast(dtype, renameScalar(value, { indices: at }));
    }
    const key = indices.map(printScalar).join(", ");
    const made = known.get(key);
    if (made !== undefined) return made;
    const names = new Map(declaredNames(before).map((name) => [name, `${name}_${tag}${this.#count}`]));
    const statements = renameBody(before, { indices: at, names });
    if (statements.length > 0) own.push({ needs: outerNames(statements), statements });
    const name = `${tag}${this.#count++}`;
    const computed = renameScalar(value, { indices: at, names });
    const needs = new Set([...readNames(computed), ...outerNames(statements)]);
    own.push({ needs, statements: [{ kind: "let", name, dtype, value: computed }] });
    known.set(key, local(name));
    return local(name);
  }
}

interface Inlined {
  readonly statement: Statement;
  /** What must run somewhere before it. */
  readonly computed: readonly Computed[];
}

interface LoadUse {
  /** Collects what must run before the statement. */
  readonly own: Computed[];
  /** Elements that the statement has computed already, by their indices. */
  readonly known: Map<string, Scalar>;
  /** Whether the load runs only under a condition. */
  readonly guarded: boolean;
}

/** Locals that a body declares, or gives other values. */
function changedNames(body: readonly Statement[]): readonly string[] {
  return allStatements(body).flatMap((each) => {
    return each.kind === "let" || each.kind === "assign" ? [each.name] : [];
  });
}

/** Names that statements read and do not declare. */
function outerNames(statements: readonly Statement[]): ReadonlySet<string> {
  const read = new Set<string>();
  for (const each of allStatements(statements)) {
    mapOwnScalars(each, (scalar) => {
      for (const name of readNames(scalar)) read.add(name);
      return scalar;
    });
  }
  for (const name of declaredNames(statements)) read.delete(name);
  return read;
}

function intersects(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return [...a].some((each) => b.has(each));
}
