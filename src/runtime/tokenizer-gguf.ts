/** The vocabulary that a GGUF file carries, in the form of a folder's tokenizer files. */

import type { Files } from "../base/index.js";
import type { Result } from "../diagnostics/index.js";
import { collect } from "../diagnostics/index.js";
import type { TokenizerRecords } from "../frontend/index.js";
import { readGgufHeader, readGgufTokenizer } from "../frontend/index.js";

export function readGgufRecords(path: string, files: Files): Result<TokenizerRecords> {
  const header = collect(() => {
    const file = files.open(path);
    try {
      return readGgufHeader(file);
    } finally {
      file.close();
    }
  });
  return header.ok ? readGgufTokenizer(header.value.metadata, path) : header;
}
