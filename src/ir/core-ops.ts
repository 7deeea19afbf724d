/** The registry of all core ops: one array a family, joined. Targets extend it by their kernels. */

import { arithmeticOps } from "./ops/arithmetic.js";
import { attentionOps } from "./ops/attention.js";
import { attentionVariantOps } from "./ops/attention-variants.js";
import { cacheOps } from "./ops/cache.js";
import { choiceOps } from "./ops/choices.js";
import { expertOps } from "./ops/experts.js";
import { fusedOps } from "./ops/fused.js";
import { gateOps } from "./ops/gates.js";
import { integerProductOps } from "./ops/integer-products.js";
import { leafOps } from "./ops/leaves.js";
import { logicOps } from "./ops/logic.js";
import { maskOps } from "./ops/masks.js";
import { narrowProductOps } from "./ops/narrow-products.js";
import { normOps } from "./ops/norms.js";
import { pieceOps } from "./ops/pieces.js";
import { positionOps } from "./ops/positions.js";
import { productOps } from "./ops/products.js";
import { quantizedPieceOps } from "./ops/quantized-pieces.js";
import { quantizedOps } from "./ops/quantized.js";
import { reductionOps } from "./ops/reductions.js";
import { rotationOps } from "./ops/rotations.js";
import { viewOps } from "./ops/views.js";
import type { Registry } from "./registry.js";
import { createRegistry } from "./registry.js";

export const coreOps = [
  ...leafOps,
  ...arithmeticOps,
  ...logicOps,
  ...reductionOps,
  ...productOps,
  ...viewOps,
  ...pieceOps,
  ...normOps,
  ...positionOps,
  ...cacheOps,
  ...maskOps,
  ...attentionOps,
  ...attentionVariantOps,
  ...gateOps,
  ...fusedOps,
  ...expertOps,
  ...choiceOps,
  ...rotationOps,
  ...quantizedOps,
  ...quantizedPieceOps,
  ...integerProductOps,
  ...narrowProductOps,
] as const;

export type OpName = (typeof coreOps)[number]["name"];

export const coreRegistry: Registry = createRegistry(coreOps);
