/**
 * Levels of instructions that one library holds its program for, with `--march generic`. A row is what the
 * compiler is told; which processors can run it, `runtime/levels.c` finds out under the same name when a
 * model is opened.
 */

export interface InstructionLevel {
  /** Ends the names of what its copy of the program defines, and is what `LLMIR_ISA` names. */
  readonly name: string;
  readonly flags: readonly string[];
}

const avx512 = ["-march=x86-64-v4", "-mavx512vnni"];

/** By architecture as the host names it; the plainest first, which the runtime is built for, too. */
const instructionLevels: Readonly<Record<string, readonly InstructionLevel[]>> = {
  x64: [
    { name: "sse2", flags: ["-march=x86-64"] },
    { name: "avx2", flags: ["-march=x86-64-v3"] },
    { name: "avx_vnni", flags: ["-march=x86-64-v3", "-mavxvnni"] },
    { name: "avx512_vnni", flags: avx512 },
    // Tile registers are used where the processor has them: runtime/amx.h asks.
    {
      name: "avx512_bf16",
      flags: [...avx512, "-mavx512bf16", "-mamx-tile", "-mamx-int8", "-mamx-bf16"],
    },
  ],
  arm64: [
    { name: "neon", flags: ["-march=armv8-a"] },
    { name: "dotprod", flags: ["-march=armv8.2-a+dotprod"] },
    { name: "i8mm", flags: ["-march=armv8.2-a+dotprod+i8mm"] },
  ],
};

/** Elsewhere one, which is whatever the compiler builds for by itself. */
export function levelsOf(architecture: string): readonly [InstructionLevel, ...InstructionLevel[]] {
  const [plainest = { name: "plain", flags: [] }, ...others] = instructionLevels[architecture] ?? [];
  return [plainest, ...others];
}
