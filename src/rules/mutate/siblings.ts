/** Ops that are easily taken for each other: same operands, another function. */

/** Operands in another order give the same value. */
export const commutative: ReadonlySet<string> = new Set(["add", "mul", "maximum", "minimum", "and", "or"]);

/** Each op of a group becomes the next one of it. */
const groups: readonly (readonly string[])[] = [
  ["gelu", "gelu_tanh"],
  ["silu", "sigmoid", "tanh"],
  ["add", "sub"],
  ["mul", "div"],
  ["maximum", "minimum"],
  ["and", "or"],
  ["sqrt", "rsqrt"],
  ["exp", "log"],
  ["sin", "cos"],
  ["neg", "abs"],
  ["reduce_sum", "reduce_mean", "reduce_max"],
  ["lookup_keys", "lookup_values"],
];

export const siblings: ReadonlyMap<string, readonly string[]> = new Map(
  groups.flatMap((group) => group.map((name, i) => [name, [group[(i + 1) % group.length]!]] as const)),
);

/** Words of attributes, likewise. */
const words: readonly (readonly string[])[] = [
  ["eq", "ne"],
  ["lt", "le"],
  ["gt", "ge"],
  ["ge", "le"],
  ["halves", "interleaved"],
  ["interleaved", "halves"],
  ["true", "false"],
  ["false", "true"],
  ["f32", "f16"],
  ["f16", "bf16"],
  ["bf16", "f16"],
];

export const otherWords: ReadonlyMap<string, readonly string[]> = new Map(
  [...new Set(words.map(([word]) => word ?? ""))].map((word) => [
    word,
    words.filter(([first]) => first === word).map(([, second]) => second ?? ""),
  ]),
);
