/**
 * Values of GGUF metadata. Integers of all widths are numbers: one beyond 2^53 loses its last digits, which
 * no key that is read here minds. Lists hold values of one type.
 */

export type MetadataValue = number | boolean | string | readonly MetadataValue[];

export type Metadata = ReadonlyMap<string, MetadataValue>;

/** Numbers of the value types in a file. */
export const valueTypes = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  list: 9,
  u64: 10,
  i64: 11,
  f64: 12,
} as const;

export type ScalarTypeName = Exclude<keyof typeof valueTypes, "string" | "list">;

export const scalarBytes: Readonly<Record<ScalarTypeName, number>> = {
  u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4, bool: 1, u64: 8, i64: 8, f64: 8,
};

/** The decimal that a person wrote for a binary32: 1e-5 for 0.000009999999747378752. */
export function shortestFloat(value: number): number {
  for (let digits = 6; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
