/**
 * Which names the text form can carry. Function names become identifiers of emitted code, so they are
 * identifiers; value names are for people and follow MLIR's rule for `%` names.
 */

const functionName = /^[A-Za-z_][A-Za-z0-9_]*$/;
const valueName = /^(?:[0-9]+|[A-Za-z_$.-][A-Za-z0-9_$.-]*)$/;

export function isFunctionName(name: string): boolean {
  return functionName.test(name);
}

export function isValueName(name: string): boolean {
  return valueName.test(name);
}

/** Names of symbolic dimensions are identifiers, so that a tensor's encoding can list them with commas. */
export function isDimName(name: string): boolean {
  return functionName.test(name);
}
