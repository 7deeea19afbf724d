/**
 * Watches the iterations of parallel loops for conflicts: one element written by two iterations of the same
 * loop, or written by one and read by another. Simple and thorough: every access is remembered, in a
 * workgroup until the next barrier.
 */

import { InvariantError, at } from "../base/index.js";

/** Several iterations have read the element. */
const SEVERAL = -1;

interface Watched {
  readonly index: string;
  readonly isWorkgroup: boolean;
  iteration: number;
  /** Which iteration wrote or read an element, by `buffer:offset`. */
  readonly writers: Map<string, number>;
  readonly readers: Map<string, number>;
}

/** Invariant: `#loops` are the parallel loops that are running, outermost first. */
export class RaceWatch {
  readonly #loops: Watched[] = [];

  enter(index: string, isWorkgroup = false): void {
    this.#loops.push({ index, isWorkgroup, iteration: 0, writers: new Map(), readers: new Map() });
  }

  iterate(iteration: number): void {
    at(this.#loops, this.#loops.length - 1).iteration = iteration;
  }

  leave(): void {
    this.#loops.pop();
  }

  /** The lanes of the innermost loop, a workgroup's, have waited for each other. */
  barrier(): void {
    const { writers, readers } = at(this.#loops, this.#loops.length - 1);
    writers.clear();
    readers.clear();
  }

  /** Loops whose iterations share a place: on-chip memory belongs to one workgroup. */
  #sharing(onChip: boolean): readonly Watched[] {
    const outermost = onChip ? this.#loops.findIndex(({ isWorkgroup }) => isWorkgroup) : 0;
    return this.#loops.slice(outermost);
  }

  write(buffer: string, offset: number, onChip = false): void {
    const key = `${buffer}:${offset}`;
    for (const loop of this.#sharing(onChip)) {
      if ((loop.writers.get(key) ?? loop.iteration) !== loop.iteration) refuse(loop, key, "write");
      if ((loop.readers.get(key) ?? loop.iteration) !== loop.iteration) refuse(loop, key, "read and write");
      loop.writers.set(key, loop.iteration);
    }
  }

  read(buffer: string, offset: number, onChip = false): void {
    const key = `${buffer}:${offset}`;
    for (const loop of this.#sharing(onChip)) {
      if ((loop.writers.get(key) ?? loop.iteration) !== loop.iteration) refuse(loop, key, "write and read");
      loop.readers.set(
        key,
        (loop.readers.get(key) ?? loop.iteration) === loop.iteration ? loop.iteration : SEVERAL,
      );
    }
  }
}

function refuse({ index, isWorkgroup, iteration }: Watched, key: string, what: string): never {
  throw new InvariantError(
    `race: iterations of the ${isWorkgroup ? "workgroup" : "parallel"} loop ${index} ${what} ${key} (found in iteration ${iteration})`,
  );
}
