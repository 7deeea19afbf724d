/** One row of the catalogue. */

export interface CodeEntry {
  readonly severity: "error" | "warning";
  /** What it means, for `docs/diagnostics.md`: one or two sentences. */
  readonly meaning: string;
}
