/**
 * Mixtures of experts: which experts a token goes to, and feed-forward layers that compute only those.
 * Experts lie one after another in one tensor; `routes` holds the weight of each expert for each token.
 */

import type { Statement } from "../loop-form.js";
import { assign, binary, declare, index, load, local, loop, nest, number, store } from "../loop-form.js";
import { elementCount, tensor } from "../types.js";
import { roundInPlace } from "../values.js";
import { silu, siluScalar } from "./arithmetic.js";
import { attrOr, defineCoreOp, draftBySignature, pick } from "./drawing.js";
import { add, dot, indicesOf, int, loadFloat, mul, overElements, resultOf, tensorOf } from "./loop-parts.js";
import { inferBySignature, signature } from "./signature.js";
import { floatsOf, newResult, tensorAt } from "./tensor-access.js";
import { refuse, requireExtent } from "./type-checks.js";

const topTypes = signature("x: float[..., E] -> i1[..., E]");

const topKMask = defineCoreOp({
  name: "top_k_mask",
  doc: "Which elements are among the `k` largest of their row; of equal ones the first.",
  operands: topTypes.names,
  attrs: { k: "int" },
  traits: ["pure", "rowwise"],
  infer: (types, { k }) => {
    const result = tensorOf(inferBySignature("top_k_mask", topTypes, types));
    const width = requireExtent("top_k_mask", result.shape.length - 1, result);
    if (k < 1 || k > width) refuse(`\`top_k_mask\` takes from 1 to ${width} elements of a row, found ${k}`);
    return result;
  },
  evaluate: (operands, { k }, result) => {
    const { data } = tensorAt(operands, 0);
    const out = newResult(result);
    const width = out.shape.at(-1) ?? 1;
    for (let i = 0; i < out.data.length; i++) {
      const start = i - (i % width);
      let ahead = 0;
      for (let j = start; j < start + width; j++) {
        if (data[j]! > data[i]! || (data[j] === data[i] && j < i)) ahead += 1;
      }
      out.data[i] = ahead < k ? 1 : 0;
    }
    return out;
  },
  work: ([x]) => ({ flops: 3 * elementCount(tensorOf(x).shape) * Number(tensorOf(x).shape.at(-1)) }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const place = indicesOf(shape);
    const [own = int(0)] = place.slice(-1);
    const value = loadFloat("x", ...place);
    const other = loadFloat("x", ...place.slice(0, -1), index("j"));
    const isTie = binary("and", binary("eq", other, value), binary("lt", index("j"), own));
    const isAhead = binary("or", binary("gt", other, value), isTie);
    return overElements(shape, [
      declare("ahead", "i32", int(0)),
      loop("j", shape.at(-1) ?? 1, "serial", [
        { kind: "if", condition: isAhead, then: [assign("ahead", add(local("ahead"), int(1)))] },
      ]),
      store("result", place, binary("lt", local("ahead"), int(input.attrs.k))),
    ]);
  },
  draw: draftBySignature(topTypes, {
    attrs: (random, request) => ({ k: attrOr(request, "k", () => pick(random, [1, 1, 2, 3])) }),
  }),
  samples: [
    { operands: [tensor("f32", "T", 8)], attrs: { k: 2 }, dims: { T: 3 } },
    { operands: [tensor("f16", 5)], attrs: { k: 5 } },
  ],
});

/** Runs a body where token `t` goes to expert `e`. */
function whereRouted(body: readonly Statement[]): Statement {
  return { kind: "if", condition: binary("ne", load("routes", index("t"), index("e")), number(0)), then: body };
}

const swigluTypes = signature(
  "x: f32[T, K], gate: f32[E, K, F], up: f32[E, K, F], routes: f32[T, E] -> f32[E, T, F]",
);

const expertSwiglu = defineCoreOp({
  name: "expert_swiglu",
  doc:
    "silu(x times gate) * (x times up) of each expert, for the tokens whose route to it is not 0; 0 for all " +
    "others.",
  operands: swigluTypes.names,
  attrs: {},
  traits: ["pure"],
  infer: (types) => inferBySignature("expert_swiglu", swigluTypes, types),
  evaluate: (operands, _, result) => {
    const [x, gate, up, routes] = operands.map((_each, i) => floatsOf(tensorAt(operands, i))) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const out = newResult(result);
    const [experts, tokens, width] = out.shape as [number, number, number];
    const inner = tensorAt(operands, 0).shape[1]!;
    for (let i = 0; i < out.data.length; i++) {
      const [f, t, e] = [i % width, Math.floor(i / width) % tokens, Math.floor(i / (width * tokens))];
      if (routes[t * experts + e] === 0) continue;
      let [g, u] = [0, 0];
      for (let k = 0; k < inner; k++) {
        const at = (e * inner + k) * width + f;
        g += x[t * inner + k]! * gate[at]!;
        u += x[t * inner + k]! * up[at]!;
      }
      out.data[i] = Math.fround(silu(Math.fround(g))) * Math.fround(u);
    }
    roundInPlace(out);
    return out;
  },
  // How many experts a token goes to is known only when the step runs: the work is that of all.
  work: ([x], _, result) => ({
    flops: elementCount(tensorOf(result).shape) * (4 * Number(tensorOf(x).shape[1]) + 12),
  }),
  lower: (input) => {
    const [experts = 1, tokens = 1, width = 1] = resultOf(input).shape;
    const inner = tensorOf(input.operands[0]).shape[1]!;
    const [e, t, f, k] = [index("e"), index("t"), index("f"), index("k")];
    const product = (name: "gate" | "up"): readonly Statement[] =>
      dot(`${name}_sum`, "k", inner, [loadFloat("x", t, k), loadFloat(name, e, k, f)]);
    return nest(
      [
        { name: "e", extent: experts },
        { name: "t", extent: tokens },
        { name: "f", extent: width },
      ],
      "parallel",
      [
        store("result", [e, t, f], number(0)),
        whereRouted([
          ...product("gate"),
          ...product("up"),
          store("result", [e, t, f], mul(siluScalar(local("gate_sum")), local("up_sum"))),
        ]),
      ],
    );
  },
  draw: draftBySignature(swigluTypes),
  samples: [
    {
      operands: [tensor("f32", "T", 6), tensor("f32", 3, 6, 5), tensor("f32", 3, 6, 5), tensor("f32", "T", 3)],
      attrs: {},
      dims: { T: 4 },
    },
  ],
});

const sumTypes = signature("h: f32[E, T, K], w: f32[E, K, N], routes: f32[T, E] -> f32[T, N]");

const routedSum = defineCoreOp({
  name: "routed_sum",
  doc: "For each token the sum over the experts of route * (h times w), without those whose route is 0.",
  operands: sumTypes.names,
  attrs: {},
  traits: ["pure"],
  infer: (types) => inferBySignature("routed_sum", sumTypes, types),
  evaluate: (operands, _, result) => {
    const [h, w, routes] = operands.map((_each, i) => floatsOf(tensorAt(operands, i))) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const out = newResult(result);
    const [tokens, columns] = out.shape as [number, number];
    const [experts, , inner] = tensorAt(operands, 0).shape as [number, number, number];
    for (let i = 0; i < out.data.length; i++) {
      const [t, n] = [Math.floor(i / columns), i % columns];
      let total = 0;
      for (let e = 0; e < experts; e++) {
        const route = routes[t * experts + e]!;
        if (route === 0) continue;
        let sum = 0;
        for (let k = 0; k < inner; k++) {
          sum += h[(e * tokens + t) * inner + k]! * w[(e * inner + k) * columns + n]!;
        }
        total += route * sum;
      }
      out.data[i] = total;
    }
    return out;
  },
  work: ([h], _, result) => {
    const [experts, , inner] = tensorOf(h).shape.map(Number) as [number, number, number];
    return { flops: 2 * experts * inner * elementCount(tensorOf(result).shape) };
  },
  lower: (input) => {
    const { shape } = resultOf(input);
    const [t = int(0), n = int(0)] = indicesOf(shape);
    const [experts = 1, , inner = 1] = tensorOf(input.operands[0]).shape;
    const [e, k] = [index("e"), index("k")];
    const route = load("routes", t, e);
    return overElements(shape, [
      declare("total", "f32", number(0)),
      loop("e", experts, "serial", [
        {
          kind: "if",
          condition: binary("ne", route, number(0)),
          then: [
            ...dot("sum", "k", inner, [loadFloat("h", e, t, k), loadFloat("w", e, k, n)]),
            assign("total", add(local("total"), mul(route, local("sum")))),
          ],
        },
      ]),
      store("result", [t, n], local("total")),
    ]);
  },
  draw: draftBySignature(sumTypes),
  samples: [
    {
      operands: [tensor("f32", 3, "T", 6), tensor("f32", 3, 6, 5), tensor("f32", "T", 3)],
      attrs: {},
      dims: { T: 4 },
    },
  ],
});

export const expertOps = [topKMask, expertSwiglu, routedSum] as const;
