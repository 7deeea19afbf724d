/** Follows the imports of a file, for tools that read it alone: all must be there, and none lead back. */

import type { Diagnostic, Source } from "../diagnostics/index.js";
import { diagnostic } from "../diagnostics/index.js";
import { parseRuleFile } from "./parse.js";
import type { FileSyntax, ImportSyntax } from "./syntax.js";

/** Files that are read before the search is given up. */
const maxFiles = 200;

/** `find` gives a file by its path below the folder of rules. Paths out of it are told elsewhere. */
export function checkImports(
  { source, syntax }: { readonly source: Source; readonly syntax: FileSyntax },
  find: (path: string) => Source | undefined,
): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const { path } of importsOf(syntax)) {
    const place = { source, span: path.span };
    const file = isInside(path.text) ? find(path.text) : undefined;
    if (isInside(path.text) && file === undefined) {
      found.push(diagnostic("rule/missing-file", `there is no \`${path.text}\` to import`, { place, hint: "check its spelling" }));
    }
    const circle = file && circleTo(lastPart(source.name), path.text, find);
    if (circle !== undefined) {
      const names = [lastPart(source.name), ...circle].map((name) => name.replace(/\.rules$/, ""));
      found.push(diagnostic("rule/import-cycle", `the imports run in a circle: ${names.join(" → ")}`, { place }));
    }
  }
  return found;
}

function importsOf({ items }: FileSyntax): readonly ImportSyntax[] {
  return items.filter((item) => item.kind === "import");
}

function isInside(path: string): boolean {
  return /^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*\.rules$/.test(path);
}

function lastPart(path: string): string {
  return path.replace(/^.*[/\\]/, "");
}

/** The files from `start` that lead back to `goal`, both included. */
function circleTo(
  goal: string,
  start: string,
  find: (path: string) => Source | undefined,
): readonly string[] | undefined {
  const seen = new Set<string>();
  const waiting: (readonly string[])[] = [[start]];
  for (let way = waiting.pop(); way !== undefined && seen.size < maxFiles; way = waiting.pop()) {
    const path = way.at(-1) ?? start;
    if (path === goal) return way;
    if (seen.has(path)) continue;
    seen.add(path);
    const source = find(path);
    const parsed = source && parseRuleFile(source);
    if (parsed?.ok !== true) continue;
    const next = importsOf(parsed.value).map((each) => each.path.text).filter(isInside);
    waiting.push(...next.map((each) => [...way, each]));
  }
  return undefined;
}
