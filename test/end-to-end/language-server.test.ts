// The language server as an editor meets it: the command as a process, spoken to in JSON-RPC.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Editor } from "../support/editor.js";
import { startEditor } from "../support/editor.js";

const timeout = 120_000;
const folder = mkdtempSync(join(tmpdir(), "llmir-editor-"));
let editor: Editor;

beforeAll(async () => {
  editor = await startEditor(join(folder, "cache"));
}, timeout);

afterAll(async () => {
  expect(await editor.stop()).toBe(0);
  rmSync(folder, { recursive: true, force: true });
});

let files = 0;

/** A text with `|` for the cursor, opened as a file of its own. */
function open(marked: string, family = `f${files++}`) {
  const offset = marked.indexOf("|");
  const text = marked.replace("|", "").replaceAll("FAMILY", family);
  const before = marked.slice(0, Math.max(0, offset)).replaceAll("FAMILY", family).split("\n");
  const path = join(folder, `${family}.rules`);
  writeFileSync(path, text);
  const uri = pathToFileURL(path).href;
  editor.open(uri, text);
  return { uri, text, position: { line: before.length - 1, character: (before.at(-1) ?? "").length } };
}

function at({ uri, position }: ReturnType<typeof open>) {
  return { textDocument: { uri }, position };
}

const header = "//! Mine.\nrules FAMILY simplify\n\n";
const norm = `${header}/// Double.
exact rule twice {
  matmul(rms_norm(?x, ?g, epsilon: ?e), ?w) => neg(neg(matmul(rms_norm(?x, ?g, epsilon: ?e), ?w)))
  where rank(?w) == 2
}
`;

test("says what it can do", () => {
  expect(editor.initialized.serverInfo?.name).toBe("llmir");
  expect(Object.keys(editor.initialized.capabilities).sort()).toEqual([
    "completionProvider",
    "definitionProvider",
    "documentFormattingProvider",
    "documentSymbolProvider",
    "hoverProvider",
    "renameProvider",
    "textDocumentSync",
  ]);
});

describe("diagnostics", () => {
  const codesOf = async (uri: string, wanted: string): Promise<readonly (string | number | undefined)[]> => {
    const found = await editor.diagnosed(uri, (list) => list.some(({ code }) => code === wanted));
    return found.map(({ code }) => code);
  };

  test("come as one types, with place and hint, and go when the mistake goes", { timeout }, async () => {
    const { uri, text } = open(`${header}/// A typo.\nexact rule typo {\n  matmu(?x, ?y) => ?x\n}\n`);
    const [found] = await editor.diagnosed(uri, (list) => list.length > 0);
    expect(found).toMatchObject({ code: "rule/unknown-op", severity: 1, source: "llmir" });
    expect(found?.range).toEqual({ start: { line: 5, character: 2 }, end: { line: 5, character: 7 } });
    expect(found?.message).toContain("did you mean `matmul`?");
    editor.change(uri, text.replace("matmu(?x, ?y) => ?x", "neg(neg(?x)) => ?x"));
    expect(await editor.diagnosed(uri, (list) => list.length === 0)).toEqual([]);
  });

  test("one rule that does not parse leaves the others their own", { timeout }, async () => {
    const { uri } = open(`${header}/// One.\nexact rule one { neg( => ?x }\n\n/// Two.\nexact rule two { nge(?x) => ?x }\n`);
    expect(await codesOf(uri, "rule/syntax")).toEqual(["rule/syntax", "rule/unknown-op"]);
  });

  test("drawn operands show sides of different types, and a rule that is unsound", { timeout }, async () => {
    const typed = open(`${header}/// Types.\nexact rule typed { reduce_mean(?x, axis: 0, keep: false) => ?x }\n`);
    expect(await codesOf(typed.uri, "rule/type-mismatch")).toContain("rule/type-mismatch");
    const unsound = open(`${header}/// No.\nexact rule wrong { sub(?a, ?b) => sub(?b, ?a) }\n`);
    const found = await editor.diagnosed(unsound.uri, (list) => list.some(({ code }) => code === "rule/unsound"));
    expect(found.find(({ code }) => code === "rule/unsound")?.relatedInformation?.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^\?a = tensor/),
      expect.stringMatching(/^\?b = tensor/),
    ]);
  });

  test("imports that are missing, lead out of the folder or run in a circle", { timeout }, async () => {
    writeFileSync(join(folder, "back.rules"), 'rules back simplify\nimport "round.rules"\n');
    const { uri } = open(`rules round simplify\nimport "back.rules"\nimport "nowhere.rules"\nimport "../x.rules"\n`, "round");
    const found = await editor.diagnosed(uri, (list) => list.length > 0);
    expect(found.map(({ code }) => code).sort()).toEqual(["rule/import-cycle", "rule/import-path", "rule/missing-file"]);
  });

  test("closing a file takes them back", { timeout }, async () => {
    const { uri } = open(`${header}/// A typo.\nexact rule typo { matmu(?x, ?y) => ?x }\n`);
    await editor.diagnosed(uri, (list) => list.length > 0);
    editor.close(uri);
    expect(await editor.diagnosed(uri, (list) => list.length === 0)).toEqual([]);
  });
});

describe("hover", () => {
  const hoverText = async (marked: string): Promise<string> => {
    const found = await editor.request("textDocument/hover", at(open(marked)));
    return found === null ? "" : found.contents.value;
  };

  test("shows an op with its attributes, its doc and types", { timeout }, async () => {
    const text = await hoverText(norm.replace("{\n  matmul(rms", "{\n  matmul(r|ms"));
    expect(text).toContain("rms_norm(x, weight, epsilon: float)");
    expect(text).toContain("root mean square");
    expect(text).toMatch(/For example `tensor<\d/);
  });

  test("shows an attribute, a function of the prelude and a numeric class", { timeout }, async () => {
    expect(await hoverText(norm.replace("epsilon: ?e), ?w) =>", "eps|ilon: ?e), ?w) =>"))).toContain("epsilon: float");
    expect(await hoverText(norm.replace("rank(", "ra|nk("))).toContain("rank(operand) → number");
    expect(await hoverText(norm.replace("exact rule", "ex|act rule"))).toContain("bit for bit");
  });

  test("shows what a variable stands for, and what is asked of it", { timeout }, async () => {
    const value = await hoverText(norm.replace("?e), ?w) =>", "?e), ?|w) =>"));
    expect(value).toMatch(/A value\.[^]*For example `tensor<[^]*Asked of it: `rank\(\?w\) == 2`/);
    expect(await hoverText(norm.replace("?e), ?w) =>", "?|e), ?w) =>"))).toContain("The attribute `epsilon` of `rms_norm`.");
  });

  test("infers the types of tests exactly", { timeout }, async () => {
    const given = "given ?x: f32[T, 8], ?w: const f32[8, 4]\n\n";
    const tested = `${header}${given}test "none" {\n  mat|mul(?x, ?w) !=> neg(matmul(?x, ?w))\n}\n`;
    expect(await hoverText(tested)).toContain("Here: `tensor<?x4xf32");
    expect(await hoverText(tested.replace("|", "").replace("(?x, ?w) !", "(?x, ?|w) !"))).toContain("?w: const f32[8, 4]");
  });
});

describe("definition", () => {
  test("of a variable is where it is bound", { timeout }, async () => {
    const opened = open(norm.replace("rank(?w)", "rank(?|w)"));
    const found = await editor.request("textDocument/definition", at(opened));
    expect(found.uri).toBe(opened.uri);
    expect(found.range.start).toEqual({ line: 5, character: 40 });
  });

  test("of an import or a family is its file", { timeout }, async () => {
    const found = await editor.request("textDocument/definition", at(open(`rules FAMILY simplify\nimport "nor|ms.rules"\n`)));
    expect(found.uri).toMatch(/\/rules\/norms\.rules$/);
    expect(await editor.request("textDocument/definition", at(open(`rules FAMILY simplify\nimport "../../etc/pass|wd"\n`)))).toBeNull();
  });
});

describe("completion", () => {
  const labels = async (marked: string): Promise<readonly string[]> => {
    const found: readonly { readonly label: string }[] = await editor.request("textDocument/completion", at(open(marked)));
    return found.map(({ label }) => label);
  };

  test("of ops, in a text that does not parse yet", { timeout }, async () => {
    const found = await labels(`${header}/// x\nexact rule a {\n  rms_|`);
    expect(found).toContain("rms_norm");
    expect(found).toContain("c.paged_attention");
    expect(found).not.toContain("rank");
  });

  test("of attributes that are not written yet, and of values for one", { timeout }, async () => {
    const found = await labels(`${header}/// x\nexact rule a {\n  reduce_mean(?x, axis: 1, |`);
    expect(found).toContain("keep");
    expect(found).not.toContain("axis");
    expect(await labels(`${header}/// x\nexact rule a {\n  reduce_mean(?x, keep: |`)).toEqual(expect.arrayContaining(["true", "false"]));
    expect(await labels(`${header}/// x\nexact rule a {\n  cast(?x, dtype: |`)).toContain("bf16");
  });

  test("of prelude functions in guards, and of the rule's variables", { timeout }, async () => {
    const found = await labels(`${header}/// x\nexact rule a {\n  neg(neg(?mine)) => ?mine\n  where |`);
    expect(found).toEqual(expect.arrayContaining(["rank", "constant", "dim", "not", "?mine"]));
    expect(found).not.toContain("matmul");
    expect(await labels(`${header}/// x\nexact rule a {\n  neg(neg(?mine)) => ?|`)).toEqual(["?mine"]);
  });

  test("of classes, purposes and dtypes; of nothing in comments and strings", { timeout }, async () => {
    expect(await labels(`${header}|`)).toEqual(expect.arrayContaining(["exact", "reassociates", "approximate", "test"]));
    expect(await labels("//! x\nrules FAMILY |")).toEqual(["simplify", "normalise", "replace", "lower", "explore"]);
    expect(await labels(`${header}given ?x: const |`)).toContain("f16");
    expect(await labels(`${header}// matmul |`)).toEqual([]);
    expect(await labels(`${header}test "mat|`)).toEqual([]);
  });
});

describe("rename", () => {
  const ask = (marked: string, newName: string) => {
    const opened = open(marked);
    return editor.request("textDocument/rename", { ...at(opened), newName }).then((edit) => edit.changes[opened.uri]);
  };

  test("changes every use of a variable in its rule, and no other rule's", { timeout }, async () => {
    const other = "\n/// Other.\nexact rule other {\n  neg(neg(?x)) => ?x\n}\n";
    const marked = norm.replace("rms_norm(?x", "rms_norm(?|x") + other;
    const edits: readonly { newText: string; range: { start: object } }[] = await ask(marked, "?input");
    expect(edits.map(({ newText }) => newText)).toEqual(["input", "input"]);
    expect(edits.map(({ range }) => range.start)).toEqual([
      { line: 5, character: 19 },
      { line: 5, character: 72 },
    ]);
  });

  test("refuses a name that is taken, a word of the language and what is no name", { timeout }, async () => {
    const marked = norm.replace("rms_norm(?x", "rms_norm(?|x");
    await expect(ask(marked, "w")).rejects.toThrow("stands for something else");
    await expect(ask(marked, "where")).rejects.toThrow("word of the language");
    await expect(ask(marked, "a b")).rejects.toThrow("letters, digits");
    await expect(ask(norm.replace("matmul(rms", "mat|mul(rms"), "x")).rejects.toThrow("only variables and rules");
  });

  test("is offered for the name alone", { timeout }, async () => {
    const found = await editor.request("textDocument/prepareRename", at(open(norm.replace("rms_norm(?x", "rms_norm(?|x"))));
    expect(found.placeholder).toBe("x");
    expect(await editor.request("textDocument/prepareRename", at(open(norm.replace("matmul(rms", "mat|mul(rms"))))).toBeNull();
  });
});

test("formatting gives what `rules fmt` writes, and nothing for a text in error", { timeout }, async () => {
  const options = { tabSize: 2, insertSpaces: true };
  const ugly = open(`${header}/// x\nexact   rule a{neg(neg(?x))=>?x}\n`);
  const [edit] = await editor.request("textDocument/formatting", { ...at(ugly), options });
  expect(edit.newText).toContain("exact rule a {\n  neg(neg(?x)) => ?x\n}\n");
  const broken = open(`${header}/// x\nexact rule a {neg(\n`);
  expect(await editor.request("textDocument/formatting", { ...at(broken), options })).toEqual([]);
});

test("the outline lists rules", { timeout }, async () => {
  const found: readonly { readonly name: string }[] = await editor.request("textDocument/documentSymbol", at(open(norm)));
  expect(found.map(({ name }) => name)).toEqual(["twice"]);
});

describe("a hostile document", () => {
  const deep = `${"neg(".repeat(10_000)}?x${")".repeat(10_000)}`;
  const many = Array.from({ length: 100_000 }, (_, i) => `/// x\nexact rule r${i} { neg(neg(?x)) => ?x }\n`).join("");
  const crowded = Array.from({ length: 3000 }, (_, i) => `/// x\nexact rule r${i} { neg(neg(?x)) => ?x }\n`).join("");

  test.each([
    ["of 10 MB", `${header}//${"x".repeat(10_000_000)}`, "rule/too-large"],
    ["of 100,000 rules", header + many, "rule/too-large"],
    ["of 3000 rules in little text", header + crowded, "rule/too-large"],
    ["nested 10,000 deep", `${header}exact rule a { ${deep} => ?x }`, "rule/too-large"],
    ["with control characters in a name", `${header}exact rule a\u001b[2Jb { neg(?x) => ?x }`, "rule/syntax"],
    ["of unpaired surrogates", `${header}\ud800\udfff\u0000`, "rule/syntax"],
    ["with a path out of the project", `${header}import "../../../etc/passwd.rules"`, "rule/import-path"],
  ])("%s is told and survived", { timeout }, async (_, text, wanted) => {
    const { uri } = open(text);
    const found = await editor.diagnosed(uri, (list) => list.length > 0);
    expect(found.map(({ code }) => code)).toContain(wanted);
    expect(found.length).toBeLessThanOrEqual(200);
    expect(JSON.stringify(found.map(({ message }) => message))).not.toMatch(/\\u001b/);
    const asked = { textDocument: { uri }, position: { line: 3, character: 30 } };
    for (const method of ["hover", "definition", "completion", "documentSymbol", "prepareRename"]) {
      await editor.request(`textDocument/${method}`, asked);
    }
    editor.close(uri);
    const alive = open(`${header}/// A typo.\nexact rule typo { matmu(?x, ?y) => ?x }\n`);
    expect((await editor.diagnosed(alive.uri, (list) => list.length > 0)).map(({ code }) => code)).toEqual(["rule/unknown-op"]);
    editor.close(alive.uri);
  });

  test("a document that nobody opened is answered with nothing", { timeout }, async () => {
    const asked = { textDocument: { uri: "file:///no/such.rules" }, position: { line: 1, character: 1 } };
    expect(await editor.request("textDocument/hover", asked)).toBeNull();
    expect(await editor.request("textDocument/hover", { ...asked, textDocument: { uri: "untitled:%%%" } })).toBeNull();
  });

  test("positions outside the text are answered", { timeout }, async () => {
    const { uri } = open(norm);
    for (const position of [{ line: 9_999_999, character: 0 }, { line: 0, character: 9_999_999 }]) {
      expect(await editor.request("textDocument/hover", { textDocument: { uri }, position })).toBeNull();
    }
  });
});
