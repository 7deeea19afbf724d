/**
 * The schedule of loop kernels for GPUs: where a row is folded into a number, the lanes of a workgroup take
 * the row's elements in turn and fold their parts in on-chip memory, halving who takes part. A general step:
 * it knows statements, not ops, so that every op that is written as rows runs so, fused ones too.
 *
 *     parallel i0 < T                        parallel i0 < T
 *       let total: f32 = 0.0                   workgroup lane < 64
 *       serial r < D                             shared total_lanes: f32[64]
 *         total = (total + x[i0, r])   =>        let total: f32 = 0.0
 *       result[i0] = total                       let total_lane: f32 = 0.0
 *                                                serial r < D from lane by 64
 *                                                  total_lane = (total_lane + x[i0, r])
 *                                                total_lanes[lane] = total_lane
 *                                                let width: i32 = 32
 *                                                serial half < 6
 *                                                  barrier
 *                                                  if (lane < width) ...
 *
 * Kernels whose neighbouring iterations read neighbouring elements already (products with a row-major matrix,
 * sums over columns) stay as they are.
 */

import type { DType, LoopKernel, Scalar, Statement } from "../ir/index.js";
import { assign, binary, declare, index, load, local, loop, number, store } from "../ir/index.js";
import type { Fold } from "./row-folds.js";
import { foldOf } from "./row-folds.js";
import {
  allStatements, declaredNames, mapOwnScalars, mapScalar, readNames, renameBody, withBody,
} from "./rewrite-loops.js";

type For = Extract<Statement, { kind: "for" }>;

/** Iterations that a lane takes side by side where elements do not depend on each other. */
const VECTOR = 4;

/** The parallel loops at the top that have nothing beside them, outermost first. */
export function parallelChain(body: readonly Statement[]): readonly For[] {
  const [first, ...others] = body;
  if (first?.kind !== "for" || first.mode !== "parallel" || others.length > 0) return [];
  return [first, ...parallelChain(first.body)];
}

/** The workgroup loop inside the parallel loops at the top, if the kernel has one. */
export function workgroupOf(body: readonly Statement[]): For | undefined {
  const [only] = parallelChain(body).at(-1)?.body ?? body;
  return only?.kind === "for" && only.mode === "workgroup" ? only : undefined;
}

/** The kernel with `lanes`, a power of two, to a row; the same kernel where that would gain nothing. */
export function scheduleWorkgroups(kernel: LoopKernel, lanes: number): LoopKernel {
  const merged = mergeRows(kernel);
  const chain = parallelChain(merged.body);
  const inner = chain.at(-1)?.body ?? merged.body;
  const scheduler = new Scheduler(merged, chain.map((each) => each.index), lanes);
  const body = scheduler.run(inner);
  if (body === undefined) return kernel;
  const whole = chain.reduceRight<readonly Statement[]>((made, each) => [withBody(each, made)], body);
  return { ...kernel, body: whole };
}

/** Whether a kernel loads from a buffer that it stores to. */
export function readsOwnStores({ buffers, body }: LoopKernel): boolean {
  const stored = storedBuffers(body);
  const loaded = loadedBuffers(body);
  return buffers.some(({ name }) => stored.has(name) && loaded.has(name));
}

/** Loops over the same rows side by side as one loop, where none reads what another one stores. */
function mergeRows(kernel: LoopKernel): LoopKernel {
  const [first, ...others] = kernel.body;
  const isSame = (each: Statement): each is For =>
    first?.kind === "for" && each.kind === "for" && each.mode === "parallel" && each.extent === first.extent;
  if (first?.kind !== "for" || others.length === 0 || !kernel.body.every(isSame)) return kernel;
  if (readsOwnStores(kernel)) return kernel;
  const bodies = kernel.body.flatMap((each) => {
    return renameBody(each.body, { names: new Map([[each.index, first.index]]) });
  });
  return { ...kernel, body: [{ ...first, body: bodies }] };
}

/** Invariant: `#unseen` are buffers that some lane has stored to and others may not see yet. */
class Scheduler {
  readonly #chain: ReadonlySet<string>;
  readonly #lanes: number;
  readonly #taken: Set<string>;
  readonly #lane: Scalar;
  readonly #laneName: string;
  readonly #locals = new Map<string, DType>();
  readonly #shared: Statement[] = [];
  readonly #out: Statement[] = [];
  readonly #unseen = new Set<string>();
  #gains = false;

  constructor(kernel: LoopKernel, chain: readonly string[], lanes: number) {
    this.#chain = new Set(chain);
    this.#lanes = lanes;
    this.#taken = new Set([...kernel.buffers.map(({ name }) => name), ...declaredNames(kernel.body)]);
    this.#laneName = this.#fresh("lane");
    this.#lane = index(this.#laneName);
  }

  /** Undefined for a body that lanes cannot share, or would not gain by sharing. */
  run(body: readonly Statement[]): readonly Statement[] | undefined {
    if (!body.every((each) => this.#add(each)) || !this.#gains) return undefined;
    return [loop(this.#laneName, this.#lanes, "workgroup", [...this.#shared, ...this.#out])];
  }

  #fresh(wanted: string): string {
    let name = wanted;
    for (let i = 2; this.#taken.has(name); i++) name = `${wanted}_${i}`;
    this.#taken.add(name);
    return name;
  }

  #add(statement: Statement): boolean {
    if (intersects(loadedBuffers([statement]), this.#unseen)) {
      this.#out.push({ kind: "barrier" });
      this.#unseen.clear();
    }
    switch (statement.kind) {
      case "let":
      case "assign":
        if (statement.kind === "let") this.#locals.set(statement.name, statement.dtype);
        this.#out.push(statement);
        return true;
      case "if":
        this.#out.push(statement);
        return storedBuffers([statement]).size === 0;
      case "store":
        this.#unseen.add(statement.buffer);
        this.#out.push({ kind: "if", condition: binary("eq", this.#lane, int(0)), then: [statement] });
        return true;
      case "for":
        return this.#addLoop(statement);
      default:
        return false;
    }
  }

  #addLoop(statement: For): boolean {
    if (statement.mode === "parallel" || isIndependent(statement)) {
      this.#out.push(this.#shareElements(statement));
      for (const each of storedBuffers([statement])) this.#unseen.add(each);
      return true;
    }
    const fold = foldOf(statement, this.#locals);
    if (fold === undefined || this.#readsColumns(statement)) return false;
    if (typeof statement.extent === "string" || statement.extent >= this.#lanes / 2) this.#gains = true;
    this.#foldRow(statement, fold);
    return true;
  }

  /** Whether parallel iterations read neighbouring elements. */
  #readsColumns(statement: For): boolean {
    return loads([statement]).some(({ indices }) => {
      const last = indices.at(-1);
      return last !== undefined && intersects(readNames(last), this.#chain);
    });
  }

  /** The innermost of loops without anything beside them is shared out. */
  #shareElements(statement: For): Statement {
    const [only, ...others] = statement.body;
    const isNest = only?.kind === "for" && only.mode === "parallel" && others.length === 0;
    if (isNest) return { ...statement, mode: "serial", body: [this.#shareElements(only)] };
    const { index: name, extent, body } = statement;
    const steps = typeof extent === "number" ? extent / (VECTOR * this.#lanes) : 0;
    const isStraight = !body.some((each) => each.kind === "for");
    if (!Number.isInteger(steps) || steps === 0 || !isStraight) return this.#strided(statement, body);
    const [step, part] = [this.#fresh(`${name}_step`), this.#fresh(`${name}_part`)];
    const block = binary("add", binary("mul", index(step), int(VECTOR)), index(part));
    const element = binary("add", binary("mul", block, int(this.#lanes)), this.#lane);
    const own = renameBody(body, { indices: new Map([[name, element]]) });
    return loop(step, steps, "serial", [loop(part, VECTOR, "vector", own)]);
  }

  #strided({ index: name, extent }: For, body: readonly Statement[]): Statement {
    return { kind: "for", index: name, extent, mode: "serial", stride: { from: this.#lane, by: this.#lanes }, body };
  }

  /** Lanes fold their elements, then each other's results, then all fold that into what they had. */
  #foldRow(statement: For, fold: Fold): void {
    const parts = fold.accumulators.map(({ name, dtype, start }) => {
      const own = this.#fresh(`${name}_lane`);
      const all = this.#fresh(`${name}_lanes`);
      this.#shared.push({ kind: "shared", name: all, dtype, shape: [this.#lanes] });
      this.#out.push(declare(own, dtype, number(start, dtype)));
      return { name, own, all };
    });
    const names = new Map(parts.map(({ name, own }) => [name, own]));
    this.#out.push(this.#strided(statement, renameBody(statement.body, { names })));
    for (const { own, all } of parts) this.#out.push(store(all, [this.#lane], local(own)));
    const width = this.#fresh("width");
    const other = binary("add", this.#lane, local(width));
    const halved = fold.combine(
      parts.map(({ all }) => load(all, this.#lane)),
      parts.map(({ all }) => load(all, other)),
      parts.map(({ all }) => (value) => store(all, [this.#lane], value)),
    );
    this.#out.push(
      declare(width, "i32", int(this.#lanes / 2)),
      loop(this.#fresh("half"), Math.log2(this.#lanes), "serial", [
        { kind: "barrier" },
        { kind: "if", condition: binary("lt", this.#lane, local(width)), then: halved },
        assign(width, binary("quotient", local(width), int(2))),
      ]),
      { kind: "barrier" },
      ...fold.combine(
        parts.map(({ name }) => local(name)),
        parts.map(({ all }) => load(all, int(0))),
        parts.map(({ name }) => (value) => assign(name, value)),
      ),
    );
    this.#unseen.clear();
  }
}

function int(value: number): Scalar {
  return number(value, "i32");
}

/** Whether a serial loop's iterations store to elements of their own and depend on nothing but themselves. */
function isIndependent({ index: name, body }: For): boolean {
  const inside = allStatements(body);
  const own = new Set(declaredNames(body));
  const stored = storedBuffers(body);
  const isOwn = (indices: readonly Scalar[]): boolean =>
    indices.some((each) => each.kind === "index" && each.name === name);
  return (
    stored.size > 0 &&
    inside.every((each) => each.kind !== "store" || isOwn(each.indices)) &&
    inside.every((each) => each.kind !== "assign" || own.has(each.name)) &&
    loads(body).every(({ buffer, indices }) => !stored.has(buffer) || isOwn(indices))
  );
}

function storedBuffers(body: readonly Statement[]): ReadonlySet<string> {
  return new Set(allStatements(body).flatMap((each) => (each.kind === "store" ? [each.buffer] : [])));
}

function loadedBuffers(body: readonly Statement[]): ReadonlySet<string> {
  return new Set(loads(body).map(({ buffer }) => buffer));
}

/** Every load, those inside indices of others too. */
function loads(body: readonly Statement[]): readonly Extract<Scalar, { kind: "load" }>[] {
  const found: Extract<Scalar, { kind: "load" }>[] = [];
  for (const each of allStatements(body)) {
    mapOwnScalars(each, (scalar) =>
      mapScalar(scalar, (part) => {
        if (part.kind === "load") found.push(part);
        return part;
      }),
    );
  }
  return found;
}

function intersects(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return [...a].some((each) => b.has(each));
}
