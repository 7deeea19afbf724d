/**
 * The world as the compiler sees it: a record of effects made once at the door and passed down.
 * Rooms above `host` take this interface, so that they also run in a browser tab or in a test.
 */

/** Random access to one file, so that a model larger than memory can be read tensor by tensor. */
export interface RandomAccessFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Reads exactly `length` bytes at `offset`; a short read throws a `HostError`. */
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

/** A new file of a known size, filled in any order. */
export interface WritableFile {
  write(offset: number, bytes: Uint8Array): void;
  close(): void;
}

export interface ProcessResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface FileStamp {
  readonly text: string;
  /** Since the file was last written. */
  readonly ageMs: number;
}

export interface Files {
  exists(path: string): boolean;
  isDirectory(path: string): boolean;
  /** Names (not paths) of a folder's entries, sorted. */
  list(path: string): readonly string[];
  /** What the file system knows of a file: another text whenever it may have changed. */
  stamp(path: string): FileStamp;
  readText(path: string): string;
  readBytes(path: string): Uint8Array;
  open(path: string): RandomAccessFile;
  /** Makes a file of `sizeBytes` zeros to be filled in place; for use inside `writeFolder`. */
  create(path: string, sizeBytes: number): WritableFile;
  /** Writes beside the target and renames, so that a reader never sees half a file. */
  write(path: string, content: string | Uint8Array): void;
  /** Fills a new folder through `fill(temporaryPath)` and renames it into place as a whole. */
  writeFolder(path: string, fill: (temporaryPath: string) => Promise<void>): Promise<void>;
  makeFolder(path: string): void;
  remove(path: string): void;
  join(...parts: string[]): string;
  resolve(path: string): string;
}

/** What the machine is, as read from the operating system. Zero means "not known". */
export interface MachineFacts {
  readonly architecture: string;
  readonly model: string;
  readonly physicalCores: number;
  readonly memoryBytes: number;
  readonly cacheBytes: { readonly l1: number; readonly l2: number; readonly l3: number };
  /** Names as Linux prints them: avx2, fma, f16c, avx512f, avx512_vnni … */
  readonly features: readonly string[];
}

export interface Host {
  readonly files: Files;
  /** Runs a program without a shell: arguments stay as they are. Throws `HostError` when it cannot start. */
  run(
    command: string,
    args: readonly string[],
    options?: { readonly folder?: string },
  ): Promise<ProcessResult>;
  nowMs(): number;
  environment(name: string): string | undefined;
  /** The folder that holds `rules/`, `backends/` and `examples/`. */
  readonly assetRoot: string;
  /** Where artifacts are cached between runs. */
  readonly cacheRoot: string;
  /** What the running program is: its version, and in a checkout its sources. Absent when not known. */
  readonly programIdentity?: string;
  readonly machine: MachineFacts;
  /** Does work on other threads; absent where there are none. Rejects with the first error of a thread. */
  readonly onThreads?: (work: ThreadWork) => Promise<void>;
  sha256(...parts: readonly (string | Uint8Array)[]): string;
}

/** Independent pieces of work for several threads. */
export interface ThreadWork {
  /** A module of this package, relative to its compiled root: `src/compiler/pack-thread.js`. */
  readonly module: string;
  /** Given once to each thread. Like tasks and results it is copied from thread to thread. */
  readonly setup: unknown;
  readonly tasks: readonly unknown[];
  readonly threads: number;
  /** Called on this thread, in the order in which tasks end. What it throws ends the work. */
  readonly onResult: (task: number, result: unknown) => void;
}

/** What a module exports as `openThread` to be run by `ThreadWork`. */
export type OpenThread = (host: Host, setup: unknown) => ThreadBody;

/** Lives as long as its thread, and so do the files that it opened. */
export interface ThreadBody {
  /** `transfer`: memory of the result that moves instead of being copied. */
  run(task: unknown): { readonly result: unknown; readonly transfer: readonly ArrayBuffer[] };
}

export interface HostErrorDetails {
  /** A code of the catalogue of diagnostics, when the door should print it as one. */
  readonly code?: string;
  readonly path?: string;
  readonly hint?: string;
  readonly cause?: unknown;
}

/** The world's fault: a missing file, a failed compiler, an absent device. Caught at the door. */
export class HostError extends Error {
  override readonly name = "HostError";
  readonly details: HostErrorDetails;

  constructor(message: string, details: HostErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.details = details;
  }
}
