/** Numbers and tables for people. */

/** Three digits are enough to compare: 812 ns, 1.24 µs, 35.1 ms, 2.03 s. */
export function formatNs(ns: number): string {
  const steps = [["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9]] as const;
  const [unit, size] = steps.findLast(([, each]) => Math.abs(ns) >= each) ?? steps[0];
  return `${threeDigits(ns / size)} ${unit}`;
}

export function formatMs(ms: number): string {
  return formatNs(ms * 1e6);
}

export function formatBytes(bytes: number): string {
  const steps = [["B", 1], ["KiB", 2 ** 10], ["MiB", 2 ** 20], ["GiB", 2 ** 30]] as const;
  const [unit, size] = steps.findLast(([, each]) => bytes >= each) ?? steps[0];
  return `${size === 1 ? bytes : threeDigits(bytes / size)} ${unit}`;
}

/** 7.123 → 7.12, 71.23 → 71.2, 7123 → 7123. */
export function threeDigits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

export function count(many: number, one: string, several = `${one}s`): string {
  return `${many} ${many === 1 ? one : several}`;
}

export type Alignment = "left" | "right";

/** Columns as wide as their widest cell, two spaces apart, each line indented. */
export function formatTable(
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[],
  indent = "  ",
): string {
  const widths = alignments.map((_, column) => Math.max(0, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]): string =>
    alignments
      .map((alignment, column) => {
        const cell = row[column] ?? "";
        return alignment === "left" ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
      })
      .join("  ")
      .trimEnd();
  return rows.map((row) => `${indent}${line(row)}\n`).join("");
}
