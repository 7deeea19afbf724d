/**
 * Bounds the nesting of brackets in one pass, before a recursive parser sees the text: with the depth
 * bounded, so is the parser's stack.
 */

/**
 * The offset of the first bracket deeper than `limit`, if any. `pairs` are the language's brackets, as in
 * `()[]{}`; those in strings and `//` comments do not count.
 */
export function findTooDeep(text: string, limit: number, pairs: string): number | undefined {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    const bracket = pairs.indexOf(character);
    if (character === '"') i = skipString(text, i);
    else if (character === "/" && text[i + 1] === "/") i = skipLine(text, i);
    else if (bracket >= 0 && bracket % 2 === 0) depth += 1;
    // The head of an arrow closes nothing; nor does a bracket that nobody opened.
    else if (bracket >= 0 && !(character === ">" && text[i - 1] === "-")) depth = Math.max(0, depth - 1);
    if (depth > limit) return i;
  }
  return undefined;
}

/** The offset of the closing quote, or of the end of the line when there is none. */
function skipString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === '"' || isLineEnd(text[i])) return i;
  }
  return text.length;
}

function skipLine(text: string, start: number): number {
  for (let i = start; i < text.length; i++) if (isLineEnd(text[i])) return i;
  return text.length;
}

function isLineEnd(character: string | undefined): boolean {
  return character === "\n" || character === "\r";
}
