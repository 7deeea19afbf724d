/**
 * Builds an emitted folder with the machine's C compiler, as a library for the runtime or as a program of its
 * own. The library's name contains a hash of everything that went in: loaders cache libraries by path, so
 * other code must have another name.
 */

import { HostError, type Host } from "../../src/base/index.js";
import type { BuildReport, TargetSettings } from "../../src/codegen/index.js";
import { sourceHash } from "../../src/codegen/index.js";
import { hostError } from "../../src/diagnostics/index.js";
import type { InstructionLevel } from "./levels.js";
import { levelsOf } from "./levels.js";

/** The architecture that stands for every processor of the host's kind: levels.ts. */
export const GENERIC = "generic";

export interface Compiler {
  readonly command: string;
  /** Words of `$CC` after the first. */
  readonly args: readonly string[];
  /** The first line of `--version`. */
  readonly version: string;
}

const candidates = ["gcc", "clang", "cc"];

/** Lines of a compiler's complaints that are worth showing. */
const SHOWN_LINES = 12;

/** `$CC`, or the first of gcc, clang and cc that starts. */
export async function findCompiler(host: Host): Promise<Compiler> {
  const wanted = host.environment("CC")?.split(" ").filter((word) => word !== "") ?? [];
  const choices = wanted.length > 0 ? [wanted] : candidates.map((command) => [command]);
  for (const [command = "", ...args] of choices) {
    const version = await versionOf(host, command, args);
    if (version !== undefined) return { command, args, version };
  }
  throw hostError("target/no-c-compiler", noCompilerMessage(wanted), {
    hint: "install one: `apt install gcc` (Debian, Ubuntu), `dnf install gcc` (Fedora), `xcode-select --install` (macOS)",
  });
}

function noCompilerMessage(wanted: readonly string[]): string {
  return wanted.length > 0
    ? `the C compiler \`${wanted.join(" ")}\` that CC names cannot be started`
    : `no C compiler was found: ${candidates.join(", ")} cannot be started`;
}

async function versionOf(host: Host, command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { exitCode, stdout } = await host.run(command, [...args, "--version"]);
    return exitCode === 0 ? stdout.split("\n")[0]?.trim() : undefined;
  } catch (error) {
    if (error instanceof HostError) return undefined;
    throw error;
  }
}

export async function buildLibrary(
  host: Host,
  folder: string,
  settings: TargetSettings,
): Promise<BuildReport> {
  const flags = ["-shared", "-fPIC", "-fvisibility=hidden"];
  return build(host, folder, { sources: runtime, flags, name: "libmodel", suffix: ".so", settings });
}

/** The stand-alone program of runtime/main.c; the report names the program. */
export async function buildProgram(
  host: Host,
  folder: string,
  settings: TargetSettings,
): Promise<BuildReport> {
  const sources = [...runtime, "runtime/main.c"];
  return build(host, folder, { sources, flags: [], name: "model", suffix: "", settings });
}

const runtime = ["runtime/runtime.c", "runtime/pool.c", "runtime/levels.c"];

interface Target {
  readonly sources: readonly string[];
  readonly flags: readonly string[];
  readonly name: string;
  readonly suffix: string;
  readonly settings: TargetSettings;
}

/** Options for the runtime, and the copies of the program with those of their own. */
interface Variants {
  readonly flags: readonly string[];
  /** What the flags mean here, where that depends on the machine. */
  readonly machine: string;
  readonly copies: readonly InstructionLevel[];
}

async function build(host: Host, folder: string, target: Target): Promise<BuildReport> {
  const { sources, flags, name, suffix, settings } = target;
  const compiler = await findCompiler(host);
  const isGeneric = settings.arch === GENERIC;
  const variants = isGeneric ? await genericVariants(host, compiler) : nativeVariants(host);
  const { copies } = variants;
  const common = [...compiler.args, ...compilerFlags, ...flags];
  const words = [variants.machine, compiler.version, ...copies.flatMap((each) => [each.name, ...each.flags])];
  const hash = sourceHash(host, folder, [...words, ...common, ...variants.flags, ...sources]);
  const compile = (args: readonly string[]): Promise<void> =>
    compileIn(host, folder, [compiler.command, ...args]);
  const objects = copies.map((copy) => `model-${copy.name}.o`);
  await Promise.all(
    copies.map((copy, i) =>
      compile([...common, ...copy.flags, ...renamed(copy, i), "-c", "model.c", "-o", objects[i]!]),
    ),
  );
  const file = `${name}-${hash}${suffix}`;
  const program = copies.length === 0 ? ["model.c"] : objects;
  const args = [...common, ...variants.flags, ...program, ...sources, "-o", file, "-pthread", "-lm"];
  await compile(args);
  for (const object of objects) host.files.remove(host.files.join(folder, object));
  const command = [compiler.command, ...args];
  return { compiler: compiler.version, command, programPath: host.files.join(folder, file) };
}

/** Compiles what runs here and nowhere else, as libraries for this machine are compiled. */
export async function compileForMachine(
  host: Host,
  folder: string,
  args: readonly string[],
): Promise<void> {
  const { command, args: own } = await findCompiler(host);
  await compileIn(host, folder, [command, ...own, ...compilerFlags, ...nativeVariants(host).flags, ...args]);
}

async function compileIn(
  host: Host,
  folder: string,
  [command = "", ...args]: readonly string[],
): Promise<void> {
  const { exitCode, stderr } = await host.run(command, args, { folder });
  if (exitCode === 0) return;
  throw hostError("target/compile-failed", `${command} could not compile the emitted C`, {
    path: folder,
    hint: firstLines(stderr),
  });
}

/**
 * Infinities matter (masks, running maxima), so there is no -ffast-math; what it would bring is asked for
 * one by one: contraction to FMA, no errno from libm, no floating-point traps.
 */
const compilerFlags = [
  "-std=c11", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra",
];

/** One program, for this machine. */
function nativeVariants({ machine }: Host): Variants {
  const flags = [machine.architecture === "arm64" ? "-mcpu=native" : "-march=native"];
  return { flags, machine: [machine.model, ...machine.features].join(" "), copies: [] };
}

/** A copy for each level that the compiler knows, and the runtime for the plainest. */
async function genericVariants(host: Host, compiler: Compiler): Promise<Variants> {
  const [plainest, ...others] = levelsOf(host.machine.architecture);
  const known = await Promise.all(others.map((level) => isKnown(host, compiler, level)));
  const copies = [plainest, ...others.filter((_, i) => known[i])];
  const names = copies.map(({ name }) => `LEVEL(${name})`).join(" ");
  const flags = [...plainest.flags, `-DLLMIR_LEVELS=${names}`];
  return { flags, machine: host.machine.architecture, copies };
}

async function isKnown(
  host: Host,
  { command, args }: Compiler,
  { flags }: InstructionLevel,
): Promise<boolean> {
  const { exitCode } = await host.run(command, [...args, ...flags, "-x", "c", "-fsyntax-only", "/dev/null"]);
  return exitCode === 0;
}

/** What a copy defines gets its name; facts and description are the same in all, the first ones are used. */
function renamed({ name }: InstructionLevel, index: number): readonly string[] {
  const names = index === 0 ? ["llmir_program"] : ["llmir_program", "llmir_facts", "llmir_describe"];
  return names.map((each) => `-D${each}=${each}_${name}`);
}

function firstLines(text: string): string {
  return text.trim().split("\n").slice(0, SHOWN_LINES).join("\n");
}
