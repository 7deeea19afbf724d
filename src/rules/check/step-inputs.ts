/**
 * Index operands of the step program, drawn so that they agree with each other: which tokens belong to which
 * sequence, where they stand, where their slots lie in the pool, and which slots the step can see. What rules
 * about the cache may assume is exactly this.
 */

import type { Random } from "../../base/index.js";
import { createRandom } from "../../base/index.js";
import type { ValueType } from "../../ir/index.js";

/** The part an operand plays, by the name of the operand in the op that reads it. */
export const stepRoles = [
  "layer",
  "block_table",
  "sequences",
  "positions",
  "context_sequences",
  "context_positions",
] as const;
export type StepRole = (typeof stepRoles)[number];

export interface StepSizes {
  readonly tokens: number | undefined;
  readonly slots: number | undefined;
  readonly sequences: number;
  readonly blocksPerSequence: number;
  readonly blockSize: number;
  readonly layers: number;
}

export interface StepInputs {
  /** Blocks in the pool (P). */
  readonly blocks: number;
  readonly arrays: Readonly<Record<StepRole, readonly number[]>>;
}

/** The sizes that the types of the operands leave no choice about. */
export function stepSizes(byRole: ReadonlyMap<StepRole, ValueType>, cache: ValueType | undefined): StepSizes {
  const length = (role: StepRole): number | undefined => extents(byRole.get(role))[0];
  const [sequences, blocksPerSequence] = extents(byRole.get("block_table"));
  const { blockSize, layers } = cache?.kind === "kv_cache" ? cache : { blockSize: 4, layers: 2 };
  return {
    tokens: length("sequences") ?? length("positions"),
    slots: length("context_sequences") ?? length("context_positions"),
    sequences: sequences ?? 3,
    blocksPerSequence: blocksPerSequence ?? 8,
    blockSize,
    layers,
  };
}

function extents(type: ValueType | undefined): readonly number[] {
  return type?.kind === "tensor" ? type.shape.map(Number) : [];
}

/** Undefined when no step has these sizes: fewer slots than tokens, or more than the table has room for. */
export function drawStepInputs(sizes: StepSizes, seed: number): StepInputs | undefined {
  const random = createRandom(seed);
  const room = sizes.blocksPerSequence * sizes.blockSize;
  const tokens = sizes.tokens ?? Math.min(sizes.slots ?? 1, 1 + random.below(4));
  const counts = shareTokens(tokens, sizes.sequences, room, random);
  const lengths = counts && contextLengths(counts, sizes.slots, room, random);
  if (counts === undefined || lengths === undefined) return undefined;
  const blocks = sizes.sequences * sizes.blocksPerSequence + 1;
  return {
    blocks,
    arrays: {
      layer: [random.below(sizes.layers)],
      block_table: permutation(blocks, random).slice(0, blocks - 1),
      sequences: counts.flatMap((count, sequence) => Array.from({ length: count }, () => sequence)),
      positions: counts.flatMap((count, s) => range(count).map((i) => lengths[s]! - count + i)),
      context_sequences: lengths.flatMap((length, sequence) => Array.from({ length }, () => sequence)),
      context_positions: lengths.flatMap((length) => range(length)),
    },
  };
}

/** New tokens of each sequence. */
function shareTokens(
  tokens: number,
  sequences: number,
  room: number,
  random: Random,
): readonly number[] | undefined {
  const counts = Array.from({ length: sequences }, () => 0);
  for (let i = 0; i < tokens; i++) {
    const open = counts.flatMap((count, s) => (count < room ? [s] : []));
    if (open.length === 0) return undefined;
    counts[open[random.below(open.length)]!]! += 1;
  }
  return counts;
}

/** Positions of each sequence, its new tokens included; none for a sequence without new tokens. */
function contextLengths(
  counts: readonly number[],
  slots: number | undefined,
  room: number,
  random: Random,
): readonly number[] | undefined {
  const lengths = [...counts];
  const least = counts.reduce((sum, count) => sum + count, 0);
  const active = counts.flatMap((count, s) => (count > 0 ? [s] : []));
  const free = active.reduce((sum, s) => sum + room - counts[s]!, 0);
  const extra = slots === undefined ? Math.min(free, random.below(6)) : slots - least;
  if (extra < 0 || extra > free) return undefined;
  for (let i = 0; i < extra; i++) {
    const open = active.filter((s) => lengths[s]! < room);
    lengths[open[random.below(open.length)]!]! += 1;
  }
  return lengths;
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function permutation(count: number, random: Random): readonly number[] {
  const list = [...range(count)];
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}
