/**
 * Branded integers. An id is a dense index into a table; only the owner of the table mints ids,
 * so that an id of one table cannot be used to read another.
 */

export type Id<Name extends string> = number & { readonly __id: Name };

/** The one place where a plain number becomes an id. */
export function mintId<Name extends string>(index: number): Id<Name> {
  return index as Id<Name>;
}
