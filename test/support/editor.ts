// An editor as far as a language server can tell: the command as a process, JSON-RPC over its pipes.

import { spawn } from "node:child_process";
import { join } from "node:path";

import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";
import type { Diagnostic, InitializeResult, PublishDiagnosticsParams } from "vscode-languageserver/node";

import { repositoryRoot } from "./run-cli.js";

export interface Editor {
  readonly initialized: InitializeResult;
  open(uri: string, text: string): void;
  /** Sends the whole new text. */
  change(uri: string, text: string): void;
  save(uri: string): void;
  close(uri: string): void;
  /** The first diagnostics of a file, from now on or already there, that are as wanted. */
  diagnosed(uri: string, wanted: (list: readonly Diagnostic[]) => boolean): Promise<readonly Diagnostic[]>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests say what they expect of each answer
  request(method: string, params: object): Promise<any>;
  /** The exit code of the server. */
  stop(): Promise<number | null>;
}

/** Of a loaded machine, too. */
const patienceMs = 60_000;

export async function startEditor(cache: string): Promise<Editor> {
  const child = spawn(process.execPath, [join(repositoryRoot, "bin", "llmir.mjs"), "rules", "lsp", "--stdio"], {
    env: { ...process.env, LLMIR_CACHE: cache },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let written = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (written += chunk));
  const [reader, writer] = [new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin)];
  const connection = createMessageConnection(reader, writer);
  const latest = new Map<string, readonly Diagnostic[]>();
  const waiting = new Set<() => void>();
  const versions = new Map<string, number>();
  connection.onNotification("textDocument/publishDiagnostics", ({ uri, diagnostics }: PublishDiagnosticsParams) => {
    latest.set(uri, diagnostics);
    for (const look of waiting) look();
  });
  const notify = (method: string, params: object): void => void connection.sendNotification(method, params);
  connection.listen();
  const failed = new Promise<never>((_, reject) => {
    child.once("exit", (code) => {
      reject(new Error(`the server ended with ${code}: ${written}`));
    });
  });
  const request = { processId: process.pid, rootUri: null, capabilities: {} };
  const answer = connection.sendRequest<InitializeResult>("initialize", request);
  const initialized = await Promise.race([answer, failed]);
  failed.catch(() => undefined);
  notify("initialized", {});
  return {
    initialized,
    open: (uri, text) => {
      versions.set(uri, 1);
      notify("textDocument/didOpen", { textDocument: { uri, languageId: "llmir-rules", version: 1, text } });
    },
    change: (uri, text) => {
      const version = (versions.get(uri) ?? 0) + 1;
      versions.set(uri, version);
      notify("textDocument/didChange", { textDocument: { uri, version }, contentChanges: [{ text }] });
    },
    save: (uri) => notify("textDocument/didSave", { textDocument: { uri } }),
    close: (uri) => notify("textDocument/didClose", { textDocument: { uri } }),
    diagnosed: (uri, wanted) =>
      new Promise((resolve, reject) => {
        const giveUp = setTimeout(() => {
          reject(new Error(`waited in vain; the latest are ${JSON.stringify(latest.get(uri), undefined, 1)}`));
        }, patienceMs);
        const look = (): void => {
          const found = latest.get(uri);
          if (found === undefined || !wanted(found)) return;
          waiting.delete(look);
          clearTimeout(giveUp);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    request: (method, params) => connection.sendRequest(method, params),
    stop: async () => {
      const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
      await connection.sendRequest("shutdown");
      notify("exit", {});
      return ended;
    },
  };
}
