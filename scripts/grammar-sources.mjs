// Which grammars there are, and which of their parsers are out of date.
//
// Every `grammars/<name>.peggy` is one language. `lexical.peggy` is no language: its rules are joined to
// each of the others. A parser carries, beside it, a stamp: the fingerprint of all that it was made from.

import { existsSync } from "node:fs";
import { basename, join } from "node:path";

import { filesBelow, fingerprint, readStamp } from "./fingerprint.mjs";

const LEXICAL = "lexical";

/**
 * The grammars below `root`. `sources` are the files that make up the parser (the language first),
 * `output` is the path of the parser without its suffix, `fingerprint` covers sources and generator.
 */
export function grammars(root) {
  const folder = join(root, "grammars");
  const generated = join(folder, "generated");
  const files = filesBelow(folder, (path) => path.endsWith(".peggy"));
  const nameOf = (file) => basename(file, ".peggy");
  const lexical = files.filter((file) => nameOf(file) === LEXICAL);
  const generator = [join(root, "scripts", "generate-parsers.mjs"), join(root, "package-lock.json")];
  return files
    .filter((file) => nameOf(file) !== LEXICAL)
    .map((file) => {
      const sources = [file, ...lexical];
      return {
        name: nameOf(file),
        sources,
        output: join(generated, nameOf(file)),
        fingerprint: fingerprint(root, [...sources, ...generator]),
      };
    });
}

/** The grammars without a parser, or with one made from other sources. */
export function staleGrammars(root) {
  return grammars(root).filter(
    ({ output, fingerprint: wanted }) =>
      readStamp(`${output}.stamp`) !== wanted || !existsSync(`${output}.js`) || !existsSync(`${output}.d.ts`),
  );
}

/** One fingerprint for all grammars. */
export function grammarsFingerprint(root) {
  return grammars(root)
    .map((grammar) => grammar.fingerprint)
    .join(" ");
}
