/** `llmir rules fmt`: a rule file in its one canonical form. Comments and docs stay; meaning never changes. */

import type { Result, Source } from "../../diagnostics/index.js";
import { success } from "../../diagnostics/index.js";
import { parseRuleFile } from "../parse.js";
import { render } from "./layout.js";
import { printFile } from "./print-file.js";

/** Columns; a word that is longer stands alone on its line. */
const width = 110;

/** The formatted text; a file that does not parse is refused with its diagnostics. */
export function formatRuleFile(source: Source): Result<string> {
  const parsed = parseRuleFile(source);
  return parsed.ok ? success(render(printFile(parsed.value, source.text), width)) : parsed;
}
