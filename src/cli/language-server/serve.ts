/**
 * The language server for rule files, over stdin and stdout. Each answer is worked out from the text as it
 * is; a request that fails is logged and answered with nothing, so that no document ends the session.
 */

import type {
  CompletionItem,
  Connection,
  DefinitionParams,
  DocumentSymbol,
  Hover,
  InitializeResult,
  Location,
  RenameParams,
  TextDocumentPositionParams,
  TextEdit,
  WorkspaceEdit,
} from "vscode-languageserver/node";
import { createConnection, ErrorCodes, ResponseError, TextDocuments } from "vscode-languageserver/node";
import { TextDocument } from "vscode-languageserver-textdocument";

import type { Host } from "../../base/index.js";
import type { Completion, FileSymbol, RuleFileAnalysis } from "../../rules/index.js";
import { complete, describeSymbol, formatRuleFile, renamable, rename, symbolAt, usesOf } from "../../rules/index.js";
import { toolRegistry } from "../rule-sources.js";
import { RuleDocuments, uriOfFamily } from "./documents.js";
import { rangeOf, toLspDiagnostic } from "./positions.js";

const capabilities: InitializeResult["capabilities"] = {
  textDocumentSync: { openClose: true, change: 2, save: true },
  hoverProvider: true,
  definitionProvider: true,
  completionProvider: { triggerCharacters: ["?", "(", ",", ":"] },
  renameProvider: { prepareProvider: true },
  documentFormattingProvider: true,
  documentSymbolProvider: true,
};

/** Serves until the client closes the connection. */
export function serveLanguage(host: Host, version: string): void {
  const connection = createConnection(process.stdin, process.stdout);
  const open = new TextDocuments(TextDocument);
  const documents = new RuleDocuments(host, (document, diagnostics) => {
    void connection.sendDiagnostics({
      uri: document.uri,
      version: document.version,
      diagnostics: diagnostics.map((each) => toLspDiagnostic(document, each)),
    });
  });
  const diagnose = (document: TextDocument, check: boolean): void => {
    documents.diagnose(document, check).catch((error: unknown) => {
      connection.console.error(String(error));
    });
  };
  const checked = new Set<string>();
  connection.onInitialize(() => ({ capabilities, serverInfo: { name: "llmir", version } }));
  open.onDidChangeContent(({ document }) => {
    const isFirst = !checked.has(document.uri);
    checked.add(document.uri);
    diagnose(document, isFirst);
  });
  open.onDidSave(({ document }) => {
    diagnose(document, true);
  });
  open.onDidClose(({ document }) => {
    checked.delete(document.uri);
    documents.close(document);
    void connection.sendDiagnostics({ uri: document.uri, diagnostics: [] });
  });
  answerRequests(connection, host, { open, documents });
  open.listen(connection);
  connection.listen();
}

interface Session {
  readonly open: TextDocuments<TextDocument>;
  readonly documents: RuleDocuments;
}

type At = TextDocumentPositionParams;

/** A document with what is known of it. */
interface Asked {
  readonly document: TextDocument;
  readonly analysis: RuleFileAnalysis;
}

function answerRequests(connection: Connection, host: Host, session: Session): void {
  const about =
    <P extends Pick<At, "textDocument">, R>(answer: (asked: Asked, params: P) => R) =>
    (params: P): R | null => {
      const document = session.open.get(params.textDocument.uri);
      if (document === undefined) return null;
      try {
        return answer({ document, analysis: session.documents.analysisOf(document) }, params);
      } catch (error) {
        if (error instanceof ResponseError) throw error;
        connection.console.error(String(error));
        return null;
      }
    };
  connection.onHover(about(hover));
  connection.onDefinition(about((asked, params: DefinitionParams) => definition(host, asked, params)));
  connection.onCompletion(about(completions));
  connection.onPrepareRename(about(prepareRename));
  connection.onRenameRequest(about(renameAll));
  connection.onDocumentFormatting(about(format));
  connection.onDocumentSymbol(about(outline));
}

function symbolUnder({ document, analysis }: Asked, { position }: At): FileSymbol | undefined {
  return symbolAt(analysis.symbols, document.offsetAt(position));
}

function hover(asked: Asked, params: At): Hover | null {
  const symbol = symbolUnder(asked, params);
  const { source, rules, tests } = asked.analysis;
  const value = symbol && describeSymbol(symbol, { text: source.text, registry: toolRegistry, rules, tests });
  if (symbol === undefined || value === undefined) return null;
  return { contents: { kind: "markdown", value }, range: rangeOf(asked.document, symbol.span) };
}

/** A variable is defined where it is bound, a family by its file. */
function definition(host: Host, asked: Asked, params: DefinitionParams): Location | null {
  const symbol = symbolUnder(asked, params);
  const { uri } = asked.document;
  if (symbol?.kind === "variable") {
    const [first] = usesOf(asked.analysis.symbols, symbol);
    return { uri, range: rangeOf(asked.document, (first ?? symbol).span) };
  }
  if (symbol?.kind !== "family" && symbol?.kind !== "import") return null;
  const file = uriOfFamily(host, uri, symbol.text);
  const start = { line: 0, character: 0 };
  return file === undefined ? null : { uri: file, range: { start, end: start } };
}

const completionKinds: Readonly<Record<Completion["kind"], NonNullable<CompletionItem["kind"]>>> = {
  op: 3,
  attribute: 10,
  function: 2,
  variable: 6,
  value: 12,
  word: 14,
};

function completions({ document, analysis }: Asked, { position }: At): CompletionItem[] {
  const offset = document.offsetAt(position);
  const { text } = analysis.source;
  const word = /\??[A-Za-z0-9_.]*$/.exec(text.slice(Math.max(0, offset - 100), offset))?.[0] ?? "";
  const range = rangeOf(document, { start: offset - word.length, end: offset });
  return complete(text, offset, toolRegistry).map(({ label, kind, detail, doc, insert }) => ({
    label,
    kind: completionKinds[kind],
    detail,
    ...(doc !== "" && { documentation: { kind: "markdown" as const, value: doc } }),
    textEdit: { range, newText: insert ?? label },
  }));
}

function prepareRename(asked: Asked, { position }: At) {
  const found = renamable(asked.analysis.symbols, asked.document.offsetAt(position));
  return found ? { range: rangeOf(asked.document, found.span), placeholder: found.text } : null;
}

function renameAll({ document, analysis }: Asked, { position, newName }: RenameParams): WorkspaceEdit {
  const spans = rename(analysis.symbols, document.offsetAt(position), newName);
  if (typeof spans === "string") throw new ResponseError(ErrorCodes.InvalidParams, spans);
  const newText = newName.replace(/^\?/, "");
  return { changes: { [document.uri]: spans.map((span) => ({ range: rangeOf(document, span), newText })) } };
}

/** Nothing for a text that does not parse: its diagnostics say why. */
function format({ document, analysis: { source } }: Asked): TextEdit[] {
  const formatted = formatRuleFile(source);
  if (!formatted.ok || formatted.value === source.text) return [];
  return [{ range: rangeOf(document, { start: 0, end: source.text.length }), newText: formatted.value }];
}

function outline({ document, analysis }: Asked): DocumentSymbol[] {
  return analysis.symbols.flatMap((symbol): DocumentSymbol[] => {
    if (symbol.kind !== "rule" || symbol.item === undefined) return [];
    const range = rangeOf(document, symbol.item.span);
    return [{ name: symbol.text, kind: 12, range, selectionRange: rangeOf(document, symbol.span) }];
  });
}
