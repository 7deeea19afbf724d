/** Which context slots a token of the step sees: the masks that decoders and their relatives attend under. */

import type { Random } from "../../base/index.js";
import type { AttrsOf, AttrSpec } from "../attrs.js";
import type { Scalar } from "../loop-form.js";
import { binary, load, store } from "../loop-form.js";
import type { DrawRequest, OpRecord } from "../op.js";
import { elementCount, tensor } from "../types.js";
import { attrOr, defineCoreOp, draftBySignature, pick } from "./drawing.js";
import { add, indicesOf, int, overElements, resultOf, tensorOf } from "./loop-parts.js";
import { inferBySignature, signature } from "./signature.js";
import { intsOf, newResult, tensorAt } from "./tensor-access.js";
import { refuse } from "./type-checks.js";

const maskTypes = signature(
  "positions: i32[T], sequences: i32[T], context_positions: i32[C], context_sequences: i32[C] -> i1[T, C]",
);

interface MaskSpec<Name extends string, Spec extends AttrSpec> {
  readonly name: Name;
  readonly doc: string;
  readonly attrs: Spec;
  /** Whether a token sees a slot of its own sequence, by their positions. */
  readonly sees: (token: number, slot: number, attrs: AttrsOf<Spec>) => boolean;
  readonly scalar: (token: Scalar, slot: Scalar, attrs: AttrsOf<Spec>) => Scalar;
  readonly require?: (attrs: AttrsOf<Spec>) => void;
  readonly draw?: (random: Random, request: DrawRequest) => AttrsOf<Spec>;
  readonly sample: readonly AttrsOf<Spec>[];
}

function mask<const Name extends string, const Spec extends AttrSpec>(
  spec: MaskSpec<Name, Spec>,
): OpRecord & { readonly name: Name } {
  const { name, draw } = spec;
  return defineCoreOp({
    name,
    doc: spec.doc,
    operands: maskTypes.names,
    attrs: spec.attrs,
    traits: ["pure"],
    infer: (types, attrs) => {
      spec.require?.(attrs);
      return inferBySignature(name, maskTypes, types);
    },
    evaluate: (operands, attrs, result) => {
      const [positions, sequences, contextPositions, contextSequences] = operands.map((_each, i) =>
        intsOf(tensorAt(operands, i)),
      ) as [Int32Array, Int32Array, Int32Array, Int32Array];
      const out = newResult(result);
      const count = contextPositions.length;
      for (let i = 0; i < out.data.length; i++) {
        const [t, c] = [Math.floor(i / count), i % count];
        const isOwn = sequences[t]! === contextSequences[c]!;
        out.data[i] = isOwn && spec.sees(positions[t]!, contextPositions[c]!, attrs) ? 1 : 0;
      }
      return out;
    },
    work: (_operands, _attrs, result) => ({ flops: 3 * elementCount(tensorOf(result).shape) }),
    lower: (input) => {
      const { shape } = resultOf(input);
      const [t = int(0), c = int(0)] = indicesOf(shape);
      const same = binary("eq", load("sequences", t), load("context_sequences", c));
      const seen = spec.scalar(load("positions", t), load("context_positions", c), input.attrs);
      return overElements(shape, [store("result", [t, c], binary("and", same, seen))]);
    },
    draw: draftBySignature(maskTypes, draw === undefined ? {} : { attrs: draw }),
    samples: spec.sample.map((attrs) => ({
      operands: [tensor("i32", "T"), tensor("i32", "T"), tensor("i32", "C"), tensor("i32", "C")],
      attrs,
      dims: { T: 3, C: 8 },
      indexBounds: { 0: 4, 1: 2, 2: 4, 3: 2 },
    })),
  });
}

const causalMask = mask({
  name: "causal_mask",
  doc: "Which context slots a token sees: those of its own sequence at its own position or before.",
  attrs: {},
  sees: (token, slot) => token >= slot,
  scalar: (token, slot) => binary("ge", token, slot),
  sample: [{}],
});

const windowMask = mask({
  name: "window_mask",
  doc: "`causal_mask` for the last `window` positions alone, the token's own included.",
  attrs: { window: "int" },
  sees: (token, slot, { window }) => token >= slot && token - slot < window,
  scalar: (token, slot, { window }) => binary("and", binary("ge", token, slot), withinWindow(token, slot, window)),
  require: ({ window }) => {
    requireWindow("window_mask", window);
  },
  draw: drawWindow,
  sample: [{ window: 1 }, { window: 2 }],
});

const prefixMask = mask({
  name: "prefix_mask",
  doc: "`causal_mask`, and all slots of the own sequence before position `prefix`.",
  attrs: { prefix: "int" },
  sees: (token, slot, { prefix }) => token >= slot || slot < prefix,
  scalar: (token, slot, { prefix }) => binary("or", binary("ge", token, slot), binary("lt", slot, int(prefix))),
  require: ({ prefix }) => {
    if (prefix < 0) refuse(`\`prefix_mask\` needs a prefix that is not negative, found ${prefix}`);
  },
  draw: (random, request) => ({ prefix: attrOr(request, "prefix", () => pick(random, [0, 1, 2, 3])) }),
  sample: [{ prefix: 2 }],
});

export function requireWindow(op: string, window: number): void {
  if (window < 1) refuse(`\`${op}\` needs a window of one position or more, found ${window}`);
}

export function drawWindow(random: Random, request: DrawRequest): { readonly window: number } {
  return { window: attrOr(request, "window", () => pick(random, [1, 2, 3])) };
}

/** token - slot < window */
export function withinWindow(token: Scalar, slot: Scalar, window: number): Scalar {
  return binary("lt", token, add(slot, int(window)));
}

const sequenceTypes = signature("sequences: i32[T], context_sequences: i32[C] -> i1[T, C]");

const sequenceMask = defineCoreOp({
  name: "sequence_mask",
  doc: "Which context slots are of a token's own sequence, whatever their position: attention without a mask.",
  operands: sequenceTypes.names,
  attrs: {},
  traits: ["pure"],
  infer: (types) => inferBySignature("sequence_mask", sequenceTypes, types),
  evaluate: (operands, _, result) => {
    const [own, context] = [intsOf(tensorAt(operands, 0)), intsOf(tensorAt(operands, 1))];
    const out = newResult(result);
    for (let i = 0; i < out.data.length; i++) {
      out.data[i] = own[Math.floor(i / context.length)] === context[i % context.length] ? 1 : 0;
    }
    return out;
  },
  work: (_operands, _attrs, result) => ({ flops: elementCount(tensorOf(result).shape) }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const [t = int(0), c = int(0)] = indicesOf(shape);
    const same = binary("eq", load("sequences", t), load("context_sequences", c));
    return overElements(shape, [store("result", [t, c], same)]);
  },
  draw: draftBySignature(sequenceTypes),
  samples: [
    {
      operands: [tensor("i32", "T"), tensor("i32", "C")],
      attrs: {},
      dims: { T: 3, C: 8 },
      indexBounds: { 0: 2, 1: 2 },
    },
  ],
});

export const maskOps = [causalMask, windowMask, prefixMask, sequenceMask] as const;
