/**
 * `llmir rules fmt`: a rule file in its one canonical form. Comments and docs stay; meaning never changes.
 */

import type { Result, Source } from "../../diagnostics/index.js";
import { success } from "../../diagnostics/index.js";
import { parseRuleFile } from "../parse.js";
import { render } from "./layout.js";
import { printFile } from "./print-file.js";

/** Columns; a word that is longer stands alone on its line. */
const width = 110;

/** Passes until nothing moves; the second settles where a comment pushed a line over. */
const mostPasses = 4;

/** The formatted text; a file that does not parse is refused with its diagnostics. */
export function formatRuleFile(source: Source): Result<string> {
  let text = source.text;
  for (let pass = 0; pass < mostPasses; pass++) {
    const parsed = parseRuleFile({ ...source, text });
    if (!parsed.ok) return parsed;
    const formatted = render(printFile(parsed.value, text), width);
    if (formatted === text) break;
    text = formatted;
  }
  return success(text);
}
