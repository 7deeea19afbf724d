/**
 * A row of this target's kernel table: an op with its types, meaning and work, and how a use of it becomes
 * CUDA. The emitter knows nothing of single kernels; all that it prints comes from `instance`, whose `call`
 * gives the arguments after the step. Pointers are into the device's memory.
 */

export type {
  CArgument as CudaArgument,
  CFamilyRow as CudaKernelRow,
  CKernelInstance as KernelInstance,
  DimText,
} from "../../src/codegen/index.js";
