/** What the operating system says, in words: a `HostError` with what a person can do about it. */

import { HostError } from "../base/index.js";

const hints: Readonly<Record<string, string>> = {
  ENOENT: "check the spelling of the path",
  EACCES: "the user who runs this has no permission for it",
  EPERM: "the user who runs this has no permission for it",
  EISDIR: "this is a folder, and a file was expected",
  ENOTDIR: "a part of the path is a file, and a folder was expected",
  ENOSPC: "the disk is full",
  EROFS: "the disk can only be read",
  EMFILE: "too many files are open; raise the limit (`ulimit -n`)",
};

const words: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is not a folder",
  ENOSPC: "no space is left",
  EROFS: "the disk is read-only",
  EMFILE: "too many open files",
};

/** The system's code of an error, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** `doing` ends a sentence that starts with "cannot": "read the file". */
export function hostError(doing: string, path: string, cause: unknown): HostError {
  const code = errorCode(cause) ?? "";
  const why = words[code] ?? (cause instanceof Error ? cause.message : String(cause));
  const hint = hints[code];
  return new HostError(`cannot ${doing} \`${path}\`: ${why}`, {
    path,
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Runs an effect; what the system throws becomes a `HostError`. */
export function attempt<T>(doing: string, path: string, effect: () => T): T {
  try {
    return effect();
  } catch (error) {
    throw error instanceof HostError ? error : hostError(doing, path, error);
  }
}
