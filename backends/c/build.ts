/**
 * Builds an emitted folder with the machine's C compiler, as a library for the runtime or as a program of its
 * own. The library's name contains a hash of everything that went in: loaders cache libraries by path, so
 * other code must have another name.
 */

import { HostError, type Host } from "../../src/base/index.js";
import type { BuildReport } from "../../src/codegen/index.js";
import { sourceHash } from "../../src/codegen/index.js";
import { hostError } from "../../src/diagnostics/index.js";

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

export async function buildLibrary(host: Host, folder: string): Promise<BuildReport> {
  const sources = ["model.c", "runtime/runtime.c", "runtime/pool.c"];
  const flags = ["-shared", "-fPIC", "-fvisibility=hidden"];
  return build(host, folder, { sources, flags, name: "libmodel", suffix: ".so" });
}

/** The stand-alone program of runtime/main.c; the report names the program. */
export async function buildProgram(host: Host, folder: string): Promise<BuildReport> {
  const sources = ["model.c", "runtime/runtime.c", "runtime/pool.c", "runtime/main.c"];
  return build(host, folder, { sources, flags: [], name: "model", suffix: "" });
}

interface Target {
  readonly sources: readonly string[];
  readonly flags: readonly string[];
  readonly name: string;
  readonly suffix: string;
}

async function build(host: Host, folder: string, target: Target): Promise<BuildReport> {
  const { sources, flags, name, suffix } = target;
  const compiler = await findCompiler(host);
  const options = [...compiler.args, ...compilerFlags(host), ...flags, ...sources];
  const hash = sourceHash(host, folder, [nativeMachine(host), compiler.version, ...options]);
  const file = `${name}-${hash}${suffix}`;
  const command = [compiler.command, ...options, "-o", file, "-pthread", "-lm"];
  const { exitCode, stderr } = await host.run(compiler.command, command.slice(1), { folder });
  if (exitCode !== 0) {
    throw hostError("target/compile-failed", `${compiler.command} could not compile the emitted C`, {
      path: folder,
      hint: firstLines(stderr),
    });
  }
  return { compiler: compiler.version, command, programPath: host.files.join(folder, file) };
}

/**
 * Infinities matter (masks, running maxima), so there is no -ffast-math; what it would bring is asked for
 * one by one: contraction to FMA, no errno from libm, no floating-point traps.
 */
function compilerFlags({ machine }: Host): readonly string[] {
  const native = machine.architecture === "arm64" ? "-mcpu=native" : "-march=native";
  const floats = ["-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"];
  return ["-std=c11", "-O3", native, ...floats, "-Wall", "-Wextra"];
}

/** What `native` means to the compiler. */
function nativeMachine({ machine }: Host): string {
  return [machine.model, ...machine.features].join(" ");
}

function firstLines(text: string): string {
  return text.trim().split("\n").slice(0, SHOWN_LINES).join("\n");
}
