/** Kernel families: kernels of one family share the coefficients of the roofline. */

export const kernelFamilies = [
  "matmul",
  "integer_matmul",
  "narrow_matmul",
  "attention",
  "rowwise",
  "elementwise",
  "movement",
  "loops",
] as const;
export type KernelFamily = (typeof kernelFamilies)[number];

/** What a family multiplies; sums are in 32 bits always. */
export type Arithmetic = "f32" | "bf16" | "int8";

const narrowArithmetic: Partial<Record<KernelFamily, Arithmetic>> = { integer_matmul: "int8", narrow_matmul: "bf16" };

export function familyArithmetic(family: KernelFamily): Arithmetic {
  return narrowArithmetic[family] ?? "f32";
}
