/**
 * Checks a module that was built or rewritten in memory: single assignment, execution order, types
 * inferred again, layers against their bodies, the cache's linear use, the entry's signature. It is the
 * plain definition of a well-formed module and shares no state with builders or passes. There is no text
 * to point into, so a place is spelled: `@layer %x`.
 */

import type { Code, Diagnostic } from "../diagnostics/index.js";
import { diagnostic } from "../diagnostics/index.js";
import { counted } from "./counted.js";
import type { Func, LayersOperation, Module, Operation, OpOperation, ValueId } from "./graph.js";
import { findFunction } from "./graph.js";
import type { Signature } from "./layers.js";
import { layersProblems } from "./layers.js";
import { isDimName, isFunctionName, isValueName } from "./names.js";
import { hasTrait } from "./op.js";
import type { Registry } from "./registry.js";
import { tryInfer } from "./registry.js";
import type { TensorType, ValueType } from "./types.js";
import { printType, sameType } from "./types.js";
import { verifyCacheUse } from "./verify-cache.js";
import { verifyEntry } from "./verify-entry.js";

/** Everything that is wrong; empty for a module that may be compiled. */
export function verifyModule(module: Module, registry: Registry): readonly Diagnostic[] {
  return [...verifyFunctions(module, registry), ...verifyEntry(module)];
}

/** The same for a module that need not have an entry: fragments, and functions by themselves. */
export function verifyFunctions(module: Module, registry: Registry): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  module.functions.forEach((func, i) => {
    const earlier = module.functions.slice(0, i);
    const report: Report = (code, message, value) => {
      found.push(diagnostic(code, message, { at: spell(func, value) }));
    };
    if (!isFunctionName(func.name)) report("ir/bad-name", `\`${func.name}\` is not an identifier`);
    if (earlier.some((each) => each.name === func.name)) {
      report("ir/redefinition", `\`@${func.name}\` is defined twice`);
    }
    // Types and cache use mean something only where every use has a definition.
    if (verifyAssignment(func, report)) {
      for (const each of func.operations) verifyOperation(func, each, { module, earlier, registry, report });
      for (const each of verifyCacheUse(func, module)) report("ir/cache-use", each.message, each.value);
    }
  });
  return found;
}

type Report = (code: Code, message: string, value?: ValueId) => void;

function spell(func: Func, value?: ValueId): string {
  const info = value === undefined ? undefined : func.values[value];
  return info === undefined ? `@${func.name}` : `@${func.name} %${info.name}`;
}

// ---- Single assignment ---------------------------------------------------------------------------------

/** Each value is defined once, under a name of its own, before it is used. */
function verifyAssignment(func: Func, report: Report): boolean {
  let sound = true;
  const fail: Report = (...details) => {
    sound = false;
    report(...details);
  };
  const known = new Definitions(func, fail);
  func.params.forEach((each) => known.define(each));
  for (const operation of func.operations) {
    operandsOf(operation).forEach((each) => known.use(each));
    operation.results.forEach((each) => known.define(each));
  }
  func.results.forEach((each) => known.use(each));
  return sound;
}

function operandsOf(operation: Operation): readonly ValueId[] {
  return operation.kind === "op" ? operation.operands : [...operation.carried, ...operation.invariants];
}

/** Invariant: `#defined` holds the values, and `#names` their names, of the operations walked so far. */
class Definitions {
  readonly #func: Func;
  readonly #report: Report;
  readonly #everywhere: ReadonlySet<ValueId>;
  readonly #defined = new Set<ValueId>();
  readonly #names = new Set<string>();

  constructor(func: Func, report: Report) {
    this.#func = func;
    this.#report = report;
    this.#everywhere = new Set([...func.params, ...func.operations.flatMap((each) => each.results)]);
  }

  define(value: ValueId): void {
    const info = this.#func.values[value];
    if (info === undefined) {
      this.#report("ir/undefined-value", `value ${value} is not in the function's table`);
      return;
    }
    const { name } = info;
    if (info.type.kind === "tensor") this.#checkDims(value, info.type);
    if (!isValueName(name)) this.#report("ir/bad-name", `\`${name}\` cannot follow a \`%\``, value);
    if (this.#defined.has(value)) this.#report("ir/redefinition", "the value is defined twice", value);
    else if (this.#names.has(name)) this.#report("ir/redefinition", `two values are called \`%${name}\``, value);
    this.#defined.add(value);
    this.#names.add(name);
  }

  #checkDims(value: ValueId, { shape }: TensorType): void {
    for (const each of shape) {
      if (typeof each === "number" || isDimName(each)) continue;
      this.#report("ir/bad-name", `the dimension's name \`${each}\` is not an identifier`, value);
    }
  }

  use(value: ValueId): void {
    if (this.#defined.has(value)) return;
    if (this.#everywhere.has(value)) {
      this.#report("ir/used-before-definition", "the value is used before it is defined", value);
    } else {
      this.#report("ir/undefined-value", `value ${value} is used, and nothing defines it`, value);
    }
  }
}

// ---- Operations ----------------------------------------------------------------------------------------

interface OperationContext {
  readonly module: Module;
  /** The functions above this one. */
  readonly earlier: readonly Func[];
  readonly registry: Registry;
  readonly report: Report;
}

function verifyOperation(func: Func, operation: Operation, context: OperationContext): void {
  switch (operation.kind) {
    case "op":
      verifyApplication(func, operation, context);
      break;
    case "layers":
      verifyLayers(func, operation, context);
      break;
  }
}

function verifyApplication(func: Func, operation: OpOperation, { registry, report }: OperationContext): void {
  const [result] = operation.results;
  const record = registry.get(operation.op);
  if (record === undefined) {
    report("ir/unknown-op", `no op \`${operation.op}\` is known`, result);
    return;
  }
  if (record.name === "param") {
    report("ir/misplaced-param", "a module reads a parameter itself, not a `param` operation", result);
    return;
  }
  const [type] = typesOf(func, [result]);
  const given = hasTrait(record, "typed") ? type : undefined;
  const inferred = tryInfer(record, typesOf(func, operation.operands), operation.attrs, given);
  if (typeof inferred === "string") report("ir/ill-typed", inferred, result);
  else if (type !== undefined && !sameType(inferred, type)) {
    const message = `the result of \`${record.name}\` is \`${printType(inferred)}\`, not \`${printType(type)}\``;
    report("ir/result-type", message, result);
  }
}

function verifyLayers(func: Func, operation: LayersOperation, context: OperationContext): void {
  const { earlier, report } = context;
  const body = earlier.find((each) => each.name === operation.body);
  if (body === undefined) {
    reportUnknownBody(operation, context);
    return;
  }
  const carried = typesOf(func, operation.carried);
  const invariants = typesOf(func, operation.invariants);
  for (const problem of layersProblems({ ...operation, body: signatureOf(body), carried, invariants })) {
    report("ir/layers-signature", problem, operation.results[0]);
  }
  verifyLayersResults(func, operation, carried, report);
}

function reportUnknownBody({ body, results }: LayersOperation, { module, report }: OperationContext): void {
  if (findFunction(module, body) === undefined) {
    report("ir/unknown-function", `the module has no function \`@${body}\``, results[0]);
  } else {
    const message = `\`@${body}\` does not stand above the function that runs it`;
    report("ir/used-before-definition", message, results[0]);
  }
}

function verifyLayersResults(
  func: Func,
  { results }: LayersOperation,
  carried: readonly ValueType[],
  report: Report,
): void {
  if (results.length !== carried.length) {
    const message = `\`layers\` carries ${counted(carried.length, "value")} and has ${counted(results.length, "result")}`;
    report("ir/result-count", message, results[0]);
  }
  typesOf(func, results).forEach((type, i) => {
    const wanted = carried[i];
    if (wanted === undefined || sameType(type, wanted)) return;
    report("ir/result-type", `result ${i} is \`${printType(type)}\`, not \`${printType(wanted)}\``, results[i]);
  });
}

function signatureOf(func: Func): Signature {
  return { name: func.name, params: typesOf(func, func.params), results: typesOf(func, func.results) };
}

function typesOf(func: Func, values: readonly ValueId[]): readonly ValueType[] {
  return values.flatMap((each) => func.values[each]?.type ?? []);
}
