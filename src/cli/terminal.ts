/**
 * What a command writes to: results on stdout, everything for the eye alone on stderr. Tests hand in one
 * that remembers.
 */

import pc from "picocolors";

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Width of help and tables. */
  readonly columns: number;
  /** stderr is a person's screen: a line of progress may be redrawn in place. */
  readonly interactive: boolean;
  /** For stderr. */
  readonly colours: ReturnType<typeof pc.createColors>;
}

/** A reader that stops reading, as `head` does, ends the program without a word. */
export function createTerminal(): Terminal {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  const interactive = process.stderr.isTTY;
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    columns: process.stdout.isTTY ? Math.min(process.stdout.columns, 110) : 100,
    interactive,
    colours: pc.createColors(interactive && pc.isColorSupported),
  };
}
