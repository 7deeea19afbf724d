/**
 * Leaves: weights, constants, parameters and tables. All but `param` depend on weights alone; targets read
 * them from the weight file, so they have no loop form.
 */

import type { Random } from "../../base/index.js";
import { InvariantError } from "../../base/index.js";
import { number, store } from "../loop-form.js";
import type { DType, ValueType } from "../types.js";
import { isFloat, tensor } from "../types.js";
import type { TensorValue } from "../values.js";
import { roundTo } from "../values.js";
import { attrOr, defineCoreOp, drawFloat, drawShape, knownTensor, pick, tensorType } from "./drawing.js";
import { indicesOf, overElements, resultOf } from "./loop-parts.js";
import { newResult } from "./tensor-access.js";
import { refuse, requireFloat, requireTensor } from "./type-checks.js";

/** The written type of a `typed` op, which the registry insists on. */
function written(op: string, given: ValueType | undefined): ValueType {
  return given ?? refuse(`\`${op}\` needs its result type to be written`);
}

function filled(result: ValueType, value: number): TensorValue {
  const out = newResult(result);
  out.data.fill(isFloat(out.dtype) ? roundTo(out.dtype, value) : value);
  return out;
}

const weight = defineCoreOp({
  name: "weight",
  doc:
    "A tensor of the model's files, or a matrix that they hold as codes and scales, by name. In a layer's " +
    "function `{layer}` stands for the layer's number.",
  operands: [],
  attrs: { name: "string" },
  traits: ["pure", "constant", "typed"],
  infer: (_, { name }, given) => {
    if (name === "") refuse("`weight` needs the name of a tensor");
    const type = written("weight", given);
    return type.kind === "quantized" ? type : requireTensor("weight", type);
  },
  evaluate: (_, { name }) => {
    throw new InvariantError(`the weight ${name} is resolved by the evaluator, not by its record`);
  },
  work: () => ({ flops: 0, bytesRead: 0, bytesWritten: 0 }),
  draw: (random, request) => ({
    operands: [],
    attrs: { name: attrOr(request, "name", () => `weight_${random.below(1000)}`) },
    result: request.result ?? tensorType(drawFloat(random), drawShape(random)),
  }),
  samples: [],
});

/** Mostly a float, now and then a whole number as positions are compared with. */
function drawNumber(random: Random): DType {
  return random.below(8) === 0 ? "i32" : drawFloat(random);
}

const constant = defineCoreOp({
  name: "constant",
  doc: "One number, or a tensor that is filled with it. The number is rounded to the tensor's dtype.",
  operands: [],
  attrs: { value: "float" },
  traits: ["pure", "constant", "typed"],
  infer: (_, { value }, given) => {
    const type = requireTensor("constant", written("constant", given));
    const isWhole = Number.isInteger(value);
    if (!isFloat(type.dtype) && !isWhole)
      refuse(`\`constant\` of ${type.dtype} needs a whole number, found ${value}`);
    return type;
  },
  evaluate: (_, { value }, result) => filled(result, value),
  work: () => ({ flops: 0, bytesRead: 0, bytesWritten: 0 }),
  draw: (random, request) => ({
    operands: [],
    attrs: { value: attrOr(request, "value", () => pick(random, [0, 1, -1, 2, 0.5, 3])) },
    result: request.result ?? tensorType(drawNumber(random), pick(random, [[], drawShape(random)])),
  }),
  samples: [
    { operands: [], attrs: { value: 0.1 }, result: tensor("f32") },
    { operands: [], attrs: { value: 0.1 }, result: tensor("f16", 2, 3) },
    { operands: [], attrs: { value: -Infinity }, result: tensor("f32", "T", 2), dims: { T: 3 } },
  ],
});

const param = defineCoreOp({
  name: "param",
  doc: "A parameter of the function that an e-graph describes. It never stands in a module's text.",
  operands: [],
  attrs: { name: "string" },
  traits: ["pure", "typed"],
  infer: (_operands, _attrs, given) => written("param", given),
  evaluate: (_, { name }) => {
    throw new InvariantError(`the parameter ${name} is an argument, its record has no value for it`);
  },
  work: () => ({ flops: 0, bytesRead: 0, bytesWritten: 0 }),
  draw: (random, request) => ({
    operands: [],
    attrs: { name: attrOr(request, "name", () => `param_${random.below(1000)}`) },
    result: request.result ?? tensorType(drawFloat(random), drawShape(random)),
  }),
  samples: [],
});

const scalings = ["none", "linear", "llama3"] as const;

interface RopeFrequencies {
  readonly dim: number;
  readonly theta: number;
  readonly scaling: string;
  readonly factor: number;
  readonly low_factor: number;
  readonly high_factor: number;
  readonly original_context: number;
}

/** How fast pair `i` of a head turns, in radians a position. */
function ropeFrequency(i: number, attrs: RopeFrequencies): number {
  const frequency = attrs.theta ** ((-2 * i) / attrs.dim);
  if (attrs.scaling === "none") return frequency;
  if (attrs.scaling === "linear") return frequency / attrs.factor;
  // Llama 3: short waves stay, long ones are stretched by `factor`, those between are blended.
  const turns = (attrs.original_context * frequency) / (2 * Math.PI);
  if (turns > attrs.high_factor) return frequency;
  if (turns < attrs.low_factor) return frequency / attrs.factor;
  const smooth = (turns - attrs.low_factor) / (attrs.high_factor - attrs.low_factor);
  return ((1 - smooth) * frequency) / attrs.factor + smooth * frequency;
}

const ropeFrequencies = defineCoreOp({
  name: "rope_frequencies",
  doc: "The angular frequencies of rotary positions, one for each pair of a head of size `dim`.",
  operands: [],
  attrs: {
    dim: "int",
    theta: "float",
    scaling: "string",
    factor: "float",
    low_factor: "float",
    high_factor: "float",
    original_context: "int",
  },
  traits: ["pure", "constant"],
  infer: (_, { dim, scaling, theta, factor, low_factor, high_factor }) => {
    if (dim < 2 || dim % 2 !== 0) refuse(`\`rope_frequencies\` needs an even \`dim\`, found ${dim}`);
    if (!scalings.some((each) => each === scaling)) {
      refuse(`\`rope_frequencies\` knows the scalings ${scalings.join(", ")}, found "${scaling}"`);
    }
    if (!(theta > 0 && factor > 0)) refuse("`rope_frequencies` needs a positive `theta` and `factor`");
    if (scaling === "llama3" && !(high_factor > low_factor)) {
      refuse("`rope_frequencies` needs a `high_factor` above its `low_factor`");
    }
    return tensor("f32", dim / 2);
  },
  evaluate: (_, attrs, result) => {
    const out = newResult(result);
    for (let i = 0; i < out.data.length; i++) out.data[i] = ropeFrequency(i, attrs);
    return out;
  },
  work: () => ({ flops: 0, bytesRead: 0, bytesWritten: 0 }),
  draw: (random, request) => {
    const length = knownTensor(request.result)?.shape[0] ?? pick(random, [1, 2, 3, 4, 8]);
    return {
      operands: [],
      attrs: {
        dim: 2 * length,
        theta: 10000,
        scaling: pick(random, scalings),
        factor: pick(random, [1, 2, 8]),
        low_factor: 1,
        high_factor: 4,
        original_context: 64,
        ...request.attrs,
      },
    };
  },
  samples: [
    {
      operands: [],
      attrs: {
        dim: 8,
        theta: 10000,
        scaling: "none",
        factor: 1,
        low_factor: 1,
        high_factor: 4,
        original_context: 0,
      },
    },
    {
      operands: [],
      attrs: {
        dim: 16,
        theta: 500000,
        scaling: "llama3",
        factor: 8,
        low_factor: 1,
        high_factor: 4,
        original_context: 64,
      },
    },
  ],
});

const fullLike = defineCoreOp({
  name: "full_like",
  doc: "A tensor of the operand's type that is filled with one number; the operand's elements do not matter.",
  operands: ["x"],
  attrs: { value: "float" },
  traits: ["pure", "elementwise"],
  infer: ([x]) => requireFloat("full_like", x),
  evaluate: (_, { value }, result) => filled(result, value),
  work: () => ({ flops: 0, bytesRead: 0 }),
  lower: ({ attrs, ...input }) => {
    const { shape } = resultOf(input);
    return overElements(shape, [store("result", indicesOf(shape), number(attrs.value))]);
  },
  draw: (random, request) => {
    const type = request.operands[0] ?? request.result ?? tensorType(drawFloat(random), drawShape(random));
    return {
      operands: [type],
      attrs: { value: attrOr(request, "value", () => pick(random, [0, 1, -2, 0.5])) },
    };
  },
  samples: [
    { operands: [tensor("f32", "T", 3)], attrs: { value: 1 }, dims: { T: 2 } },
    { operands: [tensor("f16", 5)], attrs: { value: 0.1 } },
  ],
});

export const leafOps = [weight, constant, param, ropeFrequencies, fullLike] as const;
