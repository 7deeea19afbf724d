// Content fingerprints, by which the scripts here tell whether something built is out of date.
//
// Contents and not times: a checkout of another branch and back, or a copied folder, changes times but
// not contents. Reading a thousand source files costs some tens of milliseconds.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** All files below `folder` (absolute) whose path passes `wanted`, sorted; none when it doesn't exist. */
export function filesBelow(folder, wanted) {
  const found = [];
  const visit = (current) => {
    for (const entry of entriesOf(current)) {
      const path = join(current, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (wanted(path)) found.push(path);
    }
  };
  visit(folder);
  return found.sort();
}

/** One hash over the names (relative to `root`), the contents of `files`, and any `extra` words. */
export function fingerprint(root, files, extra = []) {
  const hash = createHash("sha256");
  for (const word of extra) hash.update(`${word}\0`);
  for (const file of files) {
    const text = readFileSync(file);
    hash.update(`${relative(root, file)}\0${text.length}\0`).update(text);
  }
  return hash.digest("hex");
}

/** The text of a stamp file, or the empty string when there is none. */
export function readStamp(file) {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
}

function entriesOf(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}
