/** What the grammar of loop kernels builds: plain objects, names not yet told apart. */

import type { Dim, LoopMode } from "../ir/index.js";

export interface TextSpan {
  readonly start: number;
  readonly end: number;
}

export type ScalarSyntax =
  | {
      readonly kind: "number";
      readonly value: number;
      readonly isFloat: boolean;
      readonly dtype: string | null;
      readonly span: TextSpan;
    }
  /** A loop or a local. */
  | { readonly kind: "name"; readonly name: string; readonly span: TextSpan }
  | { readonly kind: "extent"; readonly dim: Dim; readonly span: TextSpan }
  | {
      readonly kind: "load";
      readonly buffer: string;
      readonly indices: readonly ScalarSyntax[];
      readonly span: TextSpan;
    }
  /** A cast, or an operator that is written as a function. */
  | {
      readonly kind: "call";
      readonly name: string;
      readonly args: readonly ScalarSyntax[];
      readonly span: TextSpan;
    }
  | {
      readonly kind: "infix";
      readonly operator: string;
      readonly left: ScalarSyntax;
      readonly right: ScalarSyntax;
      readonly span: TextSpan;
    }
  | {
      readonly kind: "select";
      readonly condition: ScalarSyntax;
      readonly then: ScalarSyntax;
      readonly otherwise: ScalarSyntax;
      readonly span: TextSpan;
    };

/** The line that a statement begins with. */
export type StatementSyntax =
  | {
      readonly kind: "for";
      readonly mode: LoopMode;
      readonly index: string;
      readonly extent: Dim;
      readonly stride: { readonly from: ScalarSyntax; readonly by: number } | null;
    }
  | { readonly kind: "let"; readonly name: string; readonly dtype: string; readonly value: ScalarSyntax }
  | { readonly kind: "assign"; readonly name: string; readonly value: ScalarSyntax }
  | {
      readonly kind: "store";
      readonly buffer: string;
      readonly indices: readonly ScalarSyntax[];
      readonly value: ScalarSyntax;
    }
  | { readonly kind: "if"; readonly condition: ScalarSyntax }
  | { readonly kind: "shared"; readonly name: string; readonly dtype: string; readonly shape: readonly number[] }
  | { readonly kind: "barrier" };

export interface LineSyntax {
  /** Spaces in front of it. */
  readonly indent: number;
  readonly statement: StatementSyntax;
  readonly span: TextSpan;
}

export interface BufferSyntax {
  readonly access: string;
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly Dim[];
  readonly span: TextSpan;
}

export interface KernelSyntax {
  readonly name: string;
  readonly buffers: readonly BufferSyntax[];
  readonly lines: readonly LineSyntax[];
  readonly span: TextSpan;
}
