/**
 * Where the targets that print C or C++ differ: how a kernel is reached, what follows a call, how memory is
 * read. Everything else of a program (its functions, weights, facts, order) they print alike.
 */

import type { CachePart, LoopKernel } from "../../ir/index.js";
import type { PrintedLoops } from "../loops-to-c.js";

export interface CDialect {
  /** In complaints about the target's own table: "C", "CUDA". */
  readonly target: string;
  /** The function of a kernel that has no source file. */
  readonly printLoops: (kernel: LoopKernel, name: string) => PrintedLoops;
  /** What functions take and hand on, each `<type><name>`; the step, `s`, is the first. */
  readonly context: readonly { readonly type: string; readonly name: string }[];
  /** The one of `context` that a kernel takes before its own arguments. */
  readonly runner: string;
  /** A statement behind each kernel and copy; undefined where calls follow each other by themselves. */
  readonly afterCall: string | undefined;
  /** Names of the runtime that a value of a function must not hide. */
  readonly reserved: readonly string[];
  /** What stands before the type of a weight's accessor. */
  readonly accessorPrefix: string;
  /** A field of `llmir_facts`, without the comma. */
  readonly fact: (name: string, value: string) => string;
  /** A pointer to the number of the layer. */
  readonly layerPointer: string;
  /** The element that `pointer` points to, where the calling code can read it. */
  readonly scalar: (pointer: string) => string | undefined;
  /** A part of the cache, a field of the step of that name, whose elements have a C type. */
  readonly cache: (part: CachePart["name"], element: string) => string;
  /** Bytes at `address` as elements of a C type. */
  readonly elementsAt: (address: string, element: string) => string;
}
