/** Kernel families: kernels of one family share the coefficients of the roofline. */

export const kernelFamilies = ["matmul", "attention", "rowwise", "elementwise", "movement", "loops"] as const;
export type KernelFamily = (typeof kernelFamilies)[number];
