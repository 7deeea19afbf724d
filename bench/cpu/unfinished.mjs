// What a long run has measured so far, kept beside the models so that `--resume` goes on behind it.

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * `resume`: begins with what an earlier run left; else that is forgotten. `kept`: nothing is measured, and
 * what is not there is undefined.
 */
export function openUnfinished(cache, { resume, kept: onlyKept, stamp }) {
  const file = join(cache, "unfinished.json");
  if (!resume) rmSync(file, { force: true });
  const kept = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  return {
    /** The answer of `measure` for a name, or the one that is kept for it. */
    async once(name, measure) {
      if (onlyKept || kept[name] !== undefined) return kept[name]?.result;
      const result = await measure();
      kept[name] = { ...stamp, result };
      writeFileSync(file, JSON.stringify(kept));
      return result;
    },
    /** The different stamps of what is kept, such as the commits. */
    values: (key) => [...new Set(Object.values(kept).map((each) => each[key]))],
    end: () => rmSync(file, { force: true }),
  };
}
