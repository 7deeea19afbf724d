/**
 * Assertions about our own mistakes. A user's mistake is a diagnostic, never one of these.
 */

/** Our own bug: it is not caught anywhere, except to ask for a report. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

export function invariant(condition: unknown, why: string): asserts condition {
  if (!condition) throw new InvariantError(why);
}

/** Closes an exhaustive switch: a missing case does not compile. */
export function assertNever(value: never): never {
  throw new InvariantError(`unexpected value ${JSON.stringify(value)}`);
}

/** Reads a table whose bound the caller has established. */
export function at<T>(list: ArrayLike<T>, index: number): T {
  const value = list[index];
  invariant(value !== undefined, `index ${index} is outside a list of ${list.length}`);
  return value;
}
