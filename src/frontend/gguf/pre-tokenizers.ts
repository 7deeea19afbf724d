/**
 * How byte-level vocabularies cut a text before they merge, by the name that a GGUF file gives it
 * (`tokenizer.ggml.pre`). Each is a list of regular expressions; a later one cuts what those before it
 * left. They are the ones in the `tokenizer.json` of the models that the names stand for.
 */

export interface PreTokenizer {
  /** Matches stand alone, and so does what lies between them. */
  readonly patterns: readonly string[];
  /** A piece that is a token as a whole is not merged up from its bytes. */
  readonly ignoresMerges: boolean;
}

/** What `ByteLevel` of `tokenizer.json` cuts by itself. */
export const gpt2Pattern =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** GPT-4's, with numbers of at most so many digits. */
function wordsAndNumbers(digits: string): string {
  return (
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" +
    `\\p{N}${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`
  );
}

/** Letters with case, as the tokenizer of DeepSeek LLM lists them. */
const casedLetters =
  "A-Za-z\\u00b5\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u01ba\\u01bc-\\u01bf\\u01c4-\\u0293" +
  "\\u0295-\\u02af\\u0370-\\u0373\\u0376\\u0377\\u037b-\\u037d\\u037f\\u0386\\u0388-\\u038a\\u038c" +
  "\\u038e-\\u03a1\\u03a3-\\u03f5\\u03f7-\\u0481\\u048a-\\u052f\\u0531-\\u0556\\u10a0-\\u10c5" +
  "\\u13a0-\\u13f5\\u13f8-\\u13fd\\u1c90-\\u1cba\\u1cbd-\\u1cbf\\u1d00-\\u1d2b\\u1d6b-\\u1d77" +
  "\\u1d79-\\u1d9a\\u1e00-\\u1f15\\u1f18-\\u1f1d\\u1f20-\\u1f45\\u1f48-\\u1f4d\\u1f50-\\u1f57\\u1f59" +
  "\\u1f5b\\u1f5d\\u1f5f-\\u1f7d\\u1f80-\\u1fb4\\u1fb6-\\u1fbc\\u1fbe\\u1fc2-\\u1fc4\\u1fc6-\\u1fcc" +
  "\\u1fd0-\\u1fd3\\u1fd6-\\u1fdb\\u1fe0-\\u1fec\\u1ff2-\\u1ff4\\u1ff6-\\u1ffc\\u2102\\u2107" +
  "\\u210a-\\u2113\\u2115\\u2119-\\u211d\\u2124\\u2126\\u2128\\u212a-\\u212d\\u212f-\\u2134\\u2139" +
  "\\u213c-\\u213f\\u2145-\\u2149\\u214e\\u2183\\u2184\\u2c00-\\u2c7b\\u2c7e-\\u2ce4\\u2ceb-\\u2cee" +
  "\\u2cf2\\u2cf3\\ua640-\\ua66d\\ua680-\\ua69b\\ua722-\\ua76f\\ua771-\\ua787\\ua78b-\\ua78e" +
  "\\uab70-\\uabbf\\ufb00-\\ufb06\\ufb13-\\ufb17\\uff21-\\uff3a\\uff41-\\uff5a\\u{10400}-\\u{1044f}" +
  "\\u{104b0}-\\u{104d3}\\u{104d8}-\\u{104fb}\\u{10c80}-\\u{10cb2}\\u{10cc0}-\\u{10cf2}" +
  "\\u{118a0}-\\u{118df}\\u{1e900}-\\u{1e943}";

/** Han, and the scripts between it and Samaritan; Hangul. */
const eastAsian = "[\\u4e00-\\u9fa5\\u0800-\\u4e00\\uac00-\\ud7ff]+";

/** Punctuation of ASCII and its wide forms. */
const wideMarks = "!-\\/:-~\\uff01-\\uff0f\\uff1a-\\uff5e\\u2018-\\u201f\\u3000-\\u3002";

const plain = (...patterns: readonly string[]): PreTokenizer => ({ patterns, ignoresMerges: false });

const llama3: PreTokenizer = { patterns: [wordsAndNumbers("{1,3}")], ignoresMerges: true };
const qwen2 = plain(wordsAndNumbers(""));
const digitsApart = plain("\\p{N}", gpt2Pattern);

/** By the name in the file. Several names may stand for one. */
export const preTokenizers: ReadonlyMap<string, PreTokenizer> = new Map<string, PreTokenizer>([
  ["gpt-2", plain(gpt2Pattern)],
  ["mpt", plain(gpt2Pattern)],
  ["olmo", plain(gpt2Pattern)],
  ["phi-2", plain(gpt2Pattern)],
  ["llama-bpe", llama3],
  ["llama3", llama3],
  ["llama-v3", llama3],
  ["falcon3", llama3],
  ["dbrx", plain(wordsAndNumbers("{1,3}"))],
  ["smaug-bpe", plain(wordsAndNumbers("{1,3}"))],
  ["glm4", plain(wordsAndNumbers("{1,3}"))],
  ["qwen2", qwen2],
  ["deepseek-r1-qwen", qwen2],
  ["stablelm2", qwen2],
  ["starcoder", digitsApart],
  ["refact", digitsApart],
  ["command-r", digitsApart],
  ["smollm", digitsApart],
  ["codeshell", digitsApart],
  ["exaone", digitsApart],
  ["falcon", plain("[\\p{P}\\$\\+<=>\\^~\\|`]+", gpt2Pattern, "[0-9][0-9][0-9]")],
  ["deepseek-coder", plain("[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", eastAsian, "\\p{N}")],
  [
    "deepseek-llm",
    plain("[\\r\\n]", `\\s?[${casedLetters}]+`, `\\s?[${wideMarks}]+`, "\\s+$", eastAsian, "\\p{N}+"),
  ],
  [
    "tekken",
    {
      patterns: [
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|" +
          "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|" +
          "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      ],
      ignoresMerges: true,
    },
  ],
]);
