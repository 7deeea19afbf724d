/** `llmir rules lsp`: the language server that editors start. */

import type { Command } from "commander";

import type { Door } from "../door.js";

export function addRulesLsp(rules: Command, door: Door): void {
  rules
    .command("lsp")
    .summary("serve an editor")
    .description(
      "Speaks the Language Server Protocol over stdin and stdout: diagnostics, hover, definitions, completion, rename and " +
        "formatting. `editors/vscode` is a client.",
    )
    .option("--stdio", "what the server does anyway; clients give it")
    .addHelpText("after", "\nExample:\n  llmir rules lsp --stdio")
    .action(async () => {
      // Nobody else waits for its packages to load.
      const { serveLanguage } = await import("../language-server/serve.js");
      serveLanguage(door.host, packageVersion(door));
      await new Promise(() => undefined);
    });
}

function packageVersion({ host: { files, assetRoot } }: Door): string {
  return (JSON.parse(files.readText(files.join(assetRoot, "package.json"))) as { readonly version: string }).version;
}
