/**
 * Watches the iterations of parallel loops for conflicts: one element written by two iterations of the same
 * loop, or written by one and read by another. Simple and thorough: every access is remembered.
 */

import { InvariantError, at } from "../base/index.js";

/** Several iterations have read the element. */
const SEVERAL = -1;

interface Watched {
  readonly index: string;
  iteration: number;
  /** Which iteration wrote or read an element, by `buffer:offset`. */
  readonly writers: Map<string, number>;
  readonly readers: Map<string, number>;
}

/** Invariant: `#loops` are the parallel loops that are running, outermost first. */
export class RaceWatch {
  readonly #loops: Watched[] = [];

  enter(index: string): void {
    this.#loops.push({ index, iteration: 0, writers: new Map(), readers: new Map() });
  }

  iterate(iteration: number): void {
    at(this.#loops, this.#loops.length - 1).iteration = iteration;
  }

  leave(): void {
    this.#loops.pop();
  }

  write(buffer: string, offset: number): void {
    const key = `${buffer}:${offset}`;
    for (const loop of this.#loops) {
      if ((loop.writers.get(key) ?? loop.iteration) !== loop.iteration) refuse(loop, key, "write");
      if ((loop.readers.get(key) ?? loop.iteration) !== loop.iteration) refuse(loop, key, "read and write");
      loop.writers.set(key, loop.iteration);
    }
  }

  read(buffer: string, offset: number): void {
    const key = `${buffer}:${offset}`;
    for (const loop of this.#loops) {
      if ((loop.writers.get(key) ?? loop.iteration) !== loop.iteration) refuse(loop, key, "write and read");
      loop.readers.set(
        key,
        (loop.readers.get(key) ?? loop.iteration) === loop.iteration ? loop.iteration : SEVERAL,
      );
    }
  }
}

function refuse({ index, iteration }: Watched, key: string, what: string): never {
  throw new InvariantError(
    `race: iterations of the parallel loop ${index} ${what} ${key} (found in iteration ${iteration})`,
  );
}
