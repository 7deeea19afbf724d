// Random well-typed modules over any registry: operations are drawn from the samples of the ops' own records.

import type { Random } from "../../src/base/index.js";
import type { Func, Module, Operation, OpRecord, Registry, ValueId, ValueType } from "../../src/ir/index.js";
import { FuncBuilder, sameType, tensor } from "../../src/ir/index.js";

/** A function that is run as layers, and an entry that runs it twice. */
export function drawModule(random: Random, registry: Registry): Module {
  const body = drawFunction(random, registry, "layer");
  const builder = new FuncBuilder(registry, "step");
  const values = [...body.params.slice(1)].map((each) => builder.param("x", typeIn(body, each)));
  const count = body.results.length;
  const once = builder.layers(body, { first: 0, count: 1 }, values.slice(0, count), values.slice(count));
  const results = builder.layers(body, { first: 1, count: 1 }, once, values.slice(count));
  return { functions: [body, builder.finish(results)] };
}

/** A function that takes a layer's number, and gives back its first parameters. */
function drawFunction(random: Random, registry: Registry, name: string): Func {
  const builder = new FuncBuilder(registry, name);
  builder.param("layer", tensor("i32"));
  const values: ValueId[] = [];
  const params: ValueId[] = [];
  const records = [...registry.ops.values()].filter((each) => each.samples.length > 0 && each.name !== "param");
  for (let i = random.below(12); i >= 0; i--) {
    const record = pick(random, records);
    const sample = pick(random, record.samples);
    const operands = sample.operands.map((type) => drawOperand(type));
    const given = sample.result === undefined ? {} : { given: sample.result };
    const name = drawName(random, record);
    values.push(builder.op(record.name, operands, sample.attrs, { ...given, name }));
  }
  return builder.finish(params.slice(0, 1 + random.below(2)));

  /** A value that exists already, most of the time; else a weight or a new parameter. */
  function drawOperand(type: ValueType): ValueId {
    const fitting = values.filter((each) => sameType(builder.typeOf(each), type));
    if (fitting.length > 0 && random.below(4) > 0) return pick(random, fitting);
    if (type.kind === "tensor" && random.below(4) === 0) {
      return builder.op("weight", [], { name: "layers.{layer}.weight" }, { given: type });
    }
    const param = builder.param("p", type);
    params.push(param);
    values.push(param);
    return param;
  }
}

function typeIn(func: Func, value: ValueId): ValueType {
  return func.values[value]!.type;
}

function drawName(random: Random, record: OpRecord): string {
  return pick(random, [record.name, "x", "h 1", "3d"]);
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}

/** The same module with its values numbered as they are defined: parameters, then results in order. */
export function renumbered({ functions }: Module): Module {
  return { functions: functions.map(renumberedFunction) };
}

function renumberedFunction(func: Func): Func {
  const order = [...func.params, ...func.operations.flatMap((each) => each.results)];
  const id = (value: ValueId): ValueId => order.indexOf(value) as ValueId;
  const ids = (values: readonly ValueId[]): ValueId[] => values.map(id);
  const operations = func.operations.map((each): Operation => {
    if (each.kind === "op") return { ...each, operands: ids(each.operands), results: [id(each.results[0])] };
    const { carried, invariants, results } = each;
    return { ...each, carried: ids(carried), invariants: ids(invariants), results: ids(results) };
  });
  const values = order.map((each) => func.values[each]!);
  return { name: func.name, params: ids(func.params), operations, results: ids(func.results), values };
}
