/**
 * The cache is threaded through a function as a value, and updated in place by the emitted code. That is
 * the same thing only if each cache is used up once: by an operation that makes the next one, or by the
 * function's return; and nobody looks at it afterwards. Says where that is not so.
 */

import type { Func, LayersOperation, Module, Operation, ValueId } from "./graph.js";
import { findFunction } from "./graph.js";

export interface CacheMisuse {
  readonly value: ValueId;
  readonly message: string;
}

interface CacheUse {
  readonly value: ValueId;
  /** What uses it, for messages: `append_kv`. */
  readonly by: string;
  /** It makes a new cache of this one, or hands it on. */
  readonly ends: boolean;
}

/** Every use of a cache that was used up by an earlier operation. */
export function verifyCacheUse(func: Func, module: Module): CacheMisuse[] {
  const misuses: CacheMisuse[] = [];
  const endedBy = new Map<ValueId, string>();
  for (const { value, by, ends } of cacheUses(func)) {
    const end = endedBy.get(value);
    if (end !== undefined) misuses.push({ value, message: `\`${by}\` uses a cache that \`${end}\` has used up` });
    else if (ends) endedBy.set(value, by);
  }
  for (const each of func.operations) {
    if (each.kind === "layers") misuses.push(...invariantMisuses(func, each, module));
  }
  return misuses;
}

/** In execution order. */
function cacheUses(func: Func): CacheUse[] {
  const inside = func.operations.flatMap((each) => usesOf(func, each));
  const returned = func.results.map((value) => ({ value, by: "return", ends: true }));
  return [...inside, ...returned].filter((each) => isCache(func, each.value));
}

function usesOf(func: Func, operation: Operation): CacheUse[] {
  switch (operation.kind) {
    case "op": {
      const ends = isCache(func, operation.results[0]);
      return operation.operands.map((value) => ({ value, by: operation.op, ends }));
    }
    case "layers": {
      const use = (ends: boolean) => (value: ValueId): CacheUse => ({ value, by: "layers", ends });
      // Carried first: a layer that reads as invariant what another has appended to reads a stale cache.
      return [...operation.carried.map(use(true)), ...operation.invariants.map(use(false))];
    }
  }
}

/** A cache that is the same for all layers cannot be appended to by one of them. */
function invariantMisuses(func: Func, operation: LayersOperation, module: Module): CacheMisuse[] {
  const body = findFunction(module, operation.body);
  if (body === undefined) return [];
  const ended = new Set(cacheUses(body).filter((each) => each.ends).map((each) => each.value));
  const offset = 1 + operation.carried.length;
  return operation.invariants.flatMap((value, i) => {
    const param = body.params[offset + i];
    if (param === undefined || !isCache(func, value) || !ended.has(param)) return [];
    return [{ value, message: `\`@${body.name}\` uses up a cache that \`layers\` does not carry` }];
  });
}

function isCache(func: Func, value: ValueId): boolean {
  return func.values[value]?.type.kind === "kv_cache";
}
