/**
 * What `ptxas -v` says of each kernel: registers, spills, stack and shared memory. Spilled registers live in
 * memory, so a spill in a kernel that dominates is a fault that needs no GPU to be seen. Lines differ between
 * architectures: each field is looked for by itself.
 */

export interface KernelResources {
  /** The kernel's name, with its template arguments: `matmul_rows<8>`. */
  readonly kernel: string;
  readonly arch: string;
  /** For each thread. */
  readonly registers: number;
  readonly stackBytes: number;
  readonly spillStoreBytes: number;
  readonly spillLoadBytes: number;
  /** For each block. */
  readonly sharedBytes: number;
}

/** The kernels of an output, sorted by name and architecture. */
export function parsePtxas(output: string): readonly KernelResources[] {
  const sections = output.split(/^ptxas info\s*: Compiling entry function /m).slice(1);
  return sections
    .flatMap(parseSection)
    .sort((a, b) => compare(a.kernel, b.kernel) || compare(a.arch, b.arch));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function parseSection(text: string): readonly KernelResources[] {
  const head = /^'([^']+)' for '([^']+)'/.exec(text);
  if (head === null) return [];
  const [, symbol = "", arch = ""] = head;
  const properties = propertiesOf(symbol, text);
  const count = (from: string, pattern: RegExp): number => Number(pattern.exec(from)?.[1] ?? 0);
  return [
    {
      kernel: kernelName(symbol),
      arch,
      registers: count(text, /Used (\d+) registers/),
      stackBytes: count(properties, /(\d+) bytes stack frame/),
      spillStoreBytes: count(properties, /(\d+) bytes spill stores/),
      spillLoadBytes: count(properties, /(\d+) bytes spill loads/),
      sharedBytes: count(text, /(\d+) bytes smem/),
    },
  ];
}

/** The line behind the kernel's own name: functions that it calls have lines of their own. */
function propertiesOf(symbol: string, text: string): string {
  const lines = text.split("\n");
  const at = lines.findIndex((line) => line.trim().endsWith(`Function properties for ${symbol}`));
  return lines[at + 1] ?? "";
}

/** `_Z11matmul_rowsILi8EEvi…` is `matmul_rows<8>`: names of length-prefixed form, integers as arguments. */
function kernelName(symbol: string): string {
  const mangled = /^_Z[A-Z]*?(\d+)(.*)$/.exec(symbol);
  if (mangled === null) return symbol;
  const [, length = "", rest = ""] = mangled;
  const name = rest.slice(0, Number(length));
  const args = /^I((?:L[a-z]\d+E)+)E/.exec(rest.slice(Number(length)));
  const numbers = args === null ? [] : [...(args[1] ?? "").matchAll(/L[a-z](\d+)E/g)].map((each) => each[1]);
  return numbers.length === 0 ? name : `${name}<${numbers.join(", ")}>`;
}
