/** Names and literals of WGSL that no text from a model or an op can break. */

/** Keywords and reserved words that an op's names could meet, and names that every module has. */
const taken = new Set(
  (
    "alias break case const const_assert continue continuing default diagnostic discard else enable " +
    "false fn for if let loop override requires return struct switch true var while active as asm " +
    "async attribute auto await cast catch class common coherent compile do enum explicit export " +
    "extern external final from get handle highp impl implements import inline instanceof interface " +
    "layout lowp macro match mediump meta mod module move mut mutable namespace new nil null of " +
    "operator package partition pass patch precise private protected pub public readonly ref register " +
    "regardless require resource restrict self set shared sizeof smooth snorm static std super target " +
    "template this throw trait try type typedef typeof union unless unorm unsafe unsized use using " +
    "varying virtual volatile where with writeonly yield main step unit group groups lane arena " +
    "output batch array atomic bool f16 f32 i32 u32 vec2 vec3 vec4 ptr"
  ).split(" "),
);

/** An identifier for a name: other characters become `_`; words that are taken get one at the end. */
export function wgslIdentifier(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=[0-9]|$)/, "n").replace(/^__+/, "_");
  return taken.has(plain) || plain === "_" ? `${plain}_` : plain;
}

/** Text of a line comment: it stays on its line. */
export function wgslComment(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f\u0085\u200e\u200f\u2028\u2029]/g, " ");
}

/**
 * A single-precision constant that reads back as the same number; WGSL has no literals for the special ones.
 */
export function wgslFloat(value: number): string {
  if (Number.isNaN(value)) return "not_a_number()";
  if (value === Infinity) return "infinity()";
  if (value === -Infinity) return "-infinity()";
  if (Object.is(value, -0)) return "-0.0";
  const text = String(Math.fround(value));
  return /[.e]/.test(text) ? text : `${text}.0`;
}
