/** Runs programs without a shell: no argument is ever interpreted, whatever its characters. */

import { spawn } from "node:child_process";
import { constants } from "node:os";

import type { ProcessResult } from "../base/index.js";
import { HostError } from "../base/index.js";
import { errorCode } from "./host-errors.js";

/** A program ended by a signal gets the exit code that shells give it, 128 and the signal's number. */
export function runProcess(
  command: string,
  args: readonly string[],
  options: { readonly folder?: string } = {},
): Promise<ProcessResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      shell: false,
      windowsHide: true,
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.folder === undefined ? {} : { cwd: options.folder }),
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", (error) => reject(cannotStart(command, error)));
    child.on("close", (code, signal) => {
      resolve({
        exitCode: code ?? 128 + (signal === null ? 0 : constants.signals[signal]),
        stdout: Buffer.concat(stdout).toString("utf8"),
        stderr: Buffer.concat(stderr).toString("utf8"),
      });
    });
  });
}

function cannotStart(command: string, cause: Error): HostError {
  const isMissing = errorCode(cause) === "ENOENT";
  const why = isMissing ? "there is no such program, or its folder does not exist" : cause.message;
  return new HostError(`cannot start \`${command}\`: ${why}`, {
    path: command,
    cause,
    hint: isMissing ? "install it, or check that it is on the PATH" : "check that the file may be run",
  });
}
