/** Kernel families: kernels of one family share the coefficients of the roofline. */

export const kernelFamilies = [
  "matmul",
  "integer_matmul",
  "attention",
  "rowwise",
  "elementwise",
  "movement",
  "loops",
] as const;
export type KernelFamily = (typeof kernelFamilies)[number];

/** Families whose arithmetic is on 8-bit integers; all others compute in binary32. */
export const integerFamilies: ReadonlySet<KernelFamily> = new Set(["integer_matmul"]);
