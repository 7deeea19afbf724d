/** Ctrl-C while text is written: the stream ends after its token, and the model is closed. */

/** Runs `body` with a signal that the first Ctrl-C aborts; a second one ends the process as usual. */
export async function withInterrupt<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => {
    controller.abort();
  };
  process.once("SIGINT", abort);
  try {
    return await body(controller.signal);
  } finally {
    process.off("SIGINT", abort);
  }
}
