// A few ops with the shapes that the text form must carry: no operands, several, any number; every kind of
// attribute; inferred and stated types; a cache. Independent of the core ops, which have tests of their own.

import type { AttrSpec, Registry, TypedOpRecord, ValueType } from "../../src/ir/index.js";
import { createRegistry, defineOp, elementCount, IllTyped, sameType, tensor } from "../../src/ir/index.js";

type Typing<Name extends string, Spec extends AttrSpec> = Pick<
  TypedOpRecord<Name, Spec>,
  "name" | "operands" | "attrs" | "infer"
> & { readonly typed?: true };

/** An op that can be typed and printed, and never runs. */
function typing<const Name extends string, const Spec extends AttrSpec>(op: Typing<Name, Spec>) {
  const never = (): never => {
    throw new Error(`${op.name} is not evaluated in these tests`);
  };
  const traits = op.typed === true ? (["pure", "typed"] as const) : (["pure"] as const);
  return defineOp({ doc: op.name, traits, evaluate: never, work: never, samples: [], ...op });
}

/** The stated type of a typed op; `inferType` has seen to it that there is one. */
function stated(_operands: readonly ValueType[], _attrs: unknown, given?: ValueType): ValueType {
  if (given === undefined) throw new IllTyped("no type is stated");
  return given;
}

function first([operand]: readonly ValueType[]): ValueType {
  if (operand === undefined) throw new IllTyped("there is no operand");
  return operand;
}

export const smallOps = [
  typing({ name: "weight", operands: [], attrs: { name: "string" }, infer: stated, typed: true }),
  typing({ name: "constant", operands: [], attrs: { value: "float" }, infer: stated, typed: true }),
  typing({ name: "param", operands: [], attrs: { name: "string" }, infer: stated, typed: true }),
  typing({
    name: "add",
    operands: ["a", "b"],
    attrs: {},
    infer: ([a, b]) => {
      if (a === undefined || b === undefined || !sameType(a, b)) throw new IllTyped("`add` takes two operands of one type");
      return a;
    },
  }),
  typing({ name: "rms_norm", operands: ["x", "weight"], attrs: { epsilon: "float" }, infer: first }),
  typing({
    name: "concat",
    operands: ["...parts"],
    attrs: { axis: "int" },
    infer: (parts) => tensor("f32", parts.reduce((sum, each) => sum + elementCount(each.kind === "tensor" ? each.shape : []), 0)),
  }),
  typing({ name: "reshape", operands: ["x"], attrs: { shape: "dims" }, infer: (_, { shape }) => tensor("f32", ...shape) }),
  typing({
    name: "cast",
    operands: ["x"],
    attrs: { dtype: "dtype" },
    infer: ([x], { dtype }) => {
      if (x?.kind !== "tensor") throw new IllTyped("`cast` takes a tensor");
      return { ...x, dtype };
    },
  }),
  typing({
    name: "settings",
    operands: ["x"],
    attrs: { int: "int", float: "float", string: "string", bool: "bool", ints: "ints", dims: "dims", dtype: "dtype" },
    infer: first,
  }),
  typing({ name: "append_kv", operands: ["cache", "x"], attrs: {}, infer: first }),
  typing({ name: "lookup_keys", operands: ["cache"], attrs: {}, infer: () => tensor("f32", "C", 8) }),
] as const;

export const smallRegistry: Registry = createRegistry(smallOps);
