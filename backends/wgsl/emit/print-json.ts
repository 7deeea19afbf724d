/** JSON for people: what fits on a line stands on one, everything else is a list of lines. */

/** Width of a line. */
const COLUMNS = 110;

export function printJson(value: unknown, indent = ""): string {
  const flat = flatText(value);
  if (flat.length + indent.length <= COLUMNS || typeof value !== "object" || value === null) return flat;
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value.map((each: unknown) => `${inner}${printJson(each, inner)}`);
    return `[\n${items.join(",\n")}\n${indent}]`;
  }
  const fields = Object.entries(value).map(([name, each]) => `${inner}${JSON.stringify(name)}: ${printJson(each, inner)}`);
  return `{\n${fields.join(",\n")}\n${indent}}`;
}

function flatText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flatText).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${flatText(each)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}
