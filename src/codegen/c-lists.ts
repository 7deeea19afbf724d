/** Lists of parameters and arguments, on as many lines as they need. */

import { at, type TextWriter } from "../base/index.js";

/** Width of a line of emitted code, without its indentation. */
const COLUMNS = 106;

/** `open`, the items with commas between them, `close`. */
export function printList(open: string, items: readonly string[], close: string, out: TextWriter): void {
  const lines = [open];
  items.forEach((item, i) => {
    const text = `${item}${i === items.length - 1 ? close : ", "}`;
    const line = at(lines, lines.length - 1);
    if (line.length + text.length <= COLUMNS) lines[lines.length - 1] = line + text;
    else lines.push(`    ${text}`);
  });
  for (const line of lines) out.line(line.trimEnd());
}
