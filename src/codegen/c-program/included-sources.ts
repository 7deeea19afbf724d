/** Which sources of a target's `kernels/` others include, directly or through others. */

/** Names of the parts that `files` include, each once; `read` gives a file's text by its name. */
export function includedSources(files: readonly string[], read: (file: string) => string): readonly string[] {
  const found = new Set<string>();
  const visit = (file: string): void => {
    for (const [, included = ""] of read(file).matchAll(/^#include "([a-z0-9_-]+\.(?:h|cuh))"$/gm)) {
      if (found.has(included)) continue;
      found.add(included);
      visit(included);
    }
  };
  files.forEach(visit);
  return [...found].sort();
}
