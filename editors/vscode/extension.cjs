// The client: starts `llmir rules lsp` for a window with rule files, and restarts it when asked.

const { existsSync } = require("node:fs");
const { join } = require("node:path");

const vscode = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

/** @type {LanguageClient | undefined} */
let client;

exports.activate = async function activate(context) {
  context.subscriptions.push(vscode.commands.registerCommand("llmir.restartServer", restart));
  await start();
};

exports.deactivate = () => client?.stop();

async function start() {
  const [command, ...args] = serverCommand();
  const run = { command, args: [...args, "rules", "lsp", "--stdio"], transport: TransportKind.stdio };
  const documentSelector = [
    { scheme: "file", language: "llmir-rules" },
    { scheme: "untitled", language: "llmir-rules" },
  ];
  client = new LanguageClient("llmir", "LLMIR rules", { run, debug: run }, { documentSelector });
  try {
    await client.start();
  } catch (error) {
    const hint = "Install llmir, or set `llmir.command`.";
    void vscode.window.showErrorMessage(`${command} did not start: ${error.message}. ${hint}`);
  }
}

async function restart() {
  await client?.stop();
  await start();
}

/** The setting, the workspace's own llmir, or the one on the path. */
function serverCommand() {
  const given = vscode.workspace.getConfiguration("llmir").get("command", []);
  if (given.length > 0) return given;
  for (const { uri } of vscode.workspace.workspaceFolders ?? []) {
    // A checkout of llmir itself, or a project that depends on it.
    for (const path of [["bin", "llmir.mjs"], ["node_modules", "llmir", "bin", "llmir.mjs"]]) {
      const file = join(uri.fsPath, ...path);
      if (vscode.workspace.isTrusted && existsSync(file)) return ["node", file];
    }
  }
  return [process.platform === "win32" ? "llmir.cmd" : "llmir"];
}
