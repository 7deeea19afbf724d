/**
 * An error that says "no" to a caller who asked: type inference and rules throw thousands of them a second
 * while forms are tried. Most of the cost of an error is its stack trace, which nobody reads of one that
 * is expected.
 */
export class Signal extends Error {
  constructor(message = "") {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
  }
}
