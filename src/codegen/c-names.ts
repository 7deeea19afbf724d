/** Names and literals of C that no text from a model or an op can break. */

/** Words that mean something in C, in C++ (which CUDA is) or in the runtimes' headers. */
const taken = new Set(
  (
    "auto break case char const continue default do double else enum extern float for goto if inline int long " +
    "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while " +
    "main NULL INFINITY NAN LANES PANEL INLINE KERNEL NUMBER worker share unit units piece pieces s w " +
    "bool catch class constexpr delete explicit export false friend mutable namespace new operator private " +
    "protected public template this throw true try typeid typename using virtual LAUNCHER WARP whole launch"
  ).split(" "),
);

/** An identifier for a name: other characters become `_`, words that are taken get one at the end. */
export function cIdentifier(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=[0-9]|$)/, "_");
  return taken.has(plain) ? `${plain}_` : plain;
}

/** Text inside a comment: it cannot end the comment, and stays on its line. */
export function cComment(text: string): string {
  return text.replace(/\*\//g, "* /").replace(/\/\*/g, "/ *").replace(/[\u0000-\u001f\u007f\\]/g, " ");
}

/** A string literal; whatever is not printable ASCII is written as octal escapes of its UTF-8 bytes. */
export function cString(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const parts = Array.from(bytes, (byte) => {
    if (byte === 0x22 || byte === 0x5c || byte === 0x3f) return `\\${String.fromCharCode(byte)}`;
    return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
  });
  return `"${parts.join("")}"`;
}

/** A single-precision constant that reads back as the same number. */
export function cFloat(value: number): string {
  if (Number.isNaN(value)) return "NAN";
  if (value === Infinity) return "INFINITY";
  if (value === -Infinity) return "-INFINITY";
  if (Object.is(value, -0)) return "-0.0f";
  const text = String(Math.fround(value));
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
}
