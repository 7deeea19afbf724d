/**
 * Bounds the nesting of brackets in one pass, before a recursive parser sees the text: with the depth
 * bounded, so is the parser's stack.
 */

/** The offset of the first bracket deeper than `limit`, if any. Strings and `//` comments do not count. */
export function findTooDeep(text: string, limit: number): number | undefined {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case "(":
      case "[":
      case "{":
      case "<":
        depth += 1;
        if (depth > limit) return i;
        break;
      case ")":
      case "]":
      case "}":
        depth -= 1;
        break;
      case ">":
        // The head of an arrow closes nothing.
        if (text[i - 1] !== "-") depth -= 1;
        break;
      case '"':
        i = skipString(text, i);
        break;
      case "/":
        if (text[i + 1] === "/") i = skipLine(text, i);
        break;
      default:
    }
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
