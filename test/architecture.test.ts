// Which room may import which: the table of STYLE.md, section 1, as data, held against every source file.
//
// A room is a folder of `src`, or one target's folder in `backends`. It may import itself and the rooms its
// row names, each by its `index.js`. Rooms that the compiler is made of also stay free of Node's modules, so
// that all of it runs in a browser.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";

import ts from "typescript";
import { describe, expect, test } from "vitest";

interface Room {
  /** The rooms of `src` that it may import besides itself. */
  readonly imports: readonly string[];
  /** It may import every target's index. */
  readonly targets?: true;
  /** It may import `node:` modules, everywhere or in the files that match. */
  readonly node?: true | RegExp;
  /** No packages and no grammars either: it could be published alone. */
  readonly alone?: true;
}

const belowCodegen = ["base", "diagnostics", "ir", "loops", "cost", "plan"];
const belowCompiler = [...belowCodegen, "egraph-ts", "frontend", "rules", "optimizer", "codegen"];
const belowDoors = [...belowCompiler, "artifacts", "compiler", "runtime", "host"];

const rooms: Readonly<Record<string, Room>> = {
  base: { imports: [], alone: true },
  diagnostics: { imports: ["base"] },
  "egraph-ts": { imports: [], alone: true },
  ir: { imports: ["base", "diagnostics"] },
  loops: { imports: ["base", "ir"] },
  frontend: { imports: ["base", "diagnostics", "ir"] },
  rules: { imports: ["base", "diagnostics", "ir", "egraph-ts"] },
  cost: { imports: ["base", "diagnostics", "ir"] },
  optimizer: { imports: ["base", "diagnostics", "ir", "loops", "egraph-ts", "rules", "cost"] },
  plan: { imports: ["base", "ir", "cost"] },
  codegen: { imports: ["base", "ir", "loops", "cost", "plan"] },
  artifacts: { imports: ["base", "ir", "plan"] },
  compiler: { imports: [...belowCompiler, "artifacts"], targets: true },
  runtime: {
    imports: [...belowCompiler, "artifacts", "compiler"],
    targets: true,
    node: /^src\/runtime\/native([^/]*\.ts$|\/)/,
  },
  host: { imports: ["base", "diagnostics"], node: true },
  cli: { imports: belowDoors, targets: true, node: true },
  server: { imports: belowDoors, targets: true, node: true },
  playground: { imports: belowDoors, targets: true },
};

const target: Room = { imports: [...belowCodegen, "codegen"] };

/** Packages that load machine code: as bound to Node as a `node:` module. */
const nativePackages = ["koffi", "webgpu"];

/** Where a source file lives: the folder of its room, and the row that holds for it. */
interface Home {
  readonly folder: string;
  readonly name: string;
  readonly room: Room;
}

function homeOf(path: string): Home | undefined {
  const [top, name, ...rest] = path.split("/");
  if (name === undefined || rest.length === 0) return undefined;
  if (top === "backends") return { folder: `backends/${name}`, name: `backends/${name}`, room: target };
  const room = top === "src" && Object.hasOwn(rooms, name) ? rooms[name] : undefined;
  return room && { folder: `src/${name}`, name, room };
}

/** What is wrong with the imports of one file; `path` is relative to the root, with `/`. */
function breachesIn(path: string, text: string): string[] {
  if (path === "src/index.ts") return [];
  const home = homeOf(path);
  if (home === undefined) return [`${path} lies in no room that the table knows`];
  const { importedFiles } = ts.preProcessFile(text, true, false);
  return importedFiles.flatMap(({ fileName }) => {
    const reason = objection(path, home, fileName);
    return reason === undefined ? [] : [`${path} imports "${fileName}": ${reason}`];
  });
}

function objection(path: string, home: Home, imported: string): string | undefined {
  if (imported.startsWith(".")) return objectionToFile(path, home, imported);
  if (isBuiltin(imported) || nativePackages.includes(imported)) return objectionToNode(path, home);
  if (home.room.alone) return `${home.name} imports nothing but its own files`;
  if (imported.startsWith("#") && !imported.startsWith("#grammars/")) return "only #grammars/* is known";
  return undefined;
}

function objectionToFile(path: string, home: Home, imported: string): string | undefined {
  const resolved = posix.join(posix.dirname(path), imported);
  if (resolved.startsWith(`${home.folder}/`)) return undefined;
  const other = homeOf(resolved);
  if (other === undefined) return "it lies in no room";
  if (!mayImport(home.room, other)) return `${home.name} may import ${listOf(home.room)}`;
  if (resolved !== `${other.folder}/index.js`) return `use the public face, ${other.folder}/index.js`;
  return undefined;
}

function mayImport(room: Room, other: Home): boolean {
  return other.room === target ? room.targets === true : room.imports.includes(other.name);
}

function listOf(room: Room): string {
  const names = [...room.imports, ...(room.targets ? ["backends/*"] : [])];
  return names.length === 0 ? "nothing but its own files" : names.join(", ");
}

function objectionToNode(path: string, { name, room }: Home): string | undefined {
  if (room.node === true || room.node?.test(path)) return undefined;
  if (room.node === undefined) return `${name} must run in a browser; take what it needs as a parameter`;
  return `in ${name} only the files that load native code may do so (${room.node.source})`;
}

/** The `.ts` files below `folder`, relative to `root`; none when the folder doesn't exist. */
function sourcesBelow(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((path) => `${folder}/${path.replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith(".ts"))
    .sort();
}

test("every import of src and backends follows the table of rooms", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const paths = [...sourcesBelow(root, "src"), ...sourcesBelow(root, "backends")];
  const breaches = paths.flatMap((path) => breachesIn(path, readFileSync(join(root, path), "utf8")));
  expect(breaches.join("\n")).toBe("");
});

test("a start that is remembered loads no compiler: what `llmir run` imports at once stays small", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const loaded = new Set<string>();
  const visit = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const next of importedAtOnce(readFileSync(join(root, path), "utf8"))) {
      if (next.startsWith(".")) visit(posix.join(posix.dirname(path), next).replace(/\.js$/, ".ts"));
    }
  };
  for (const door of ["src/cli/main.ts", "src/cli/commands/run.ts"]) visit(door);
  const folders = new Set([...loaded].map((path) => path.split("/").slice(0, 2).join("/")));
  const allowed = ["artifacts", "base", "cli", "diagnostics", "frontend", "host", "ir", "runtime"];
  expect([...folders].sort()).toEqual(allowed.map((room) => `src/${room}`));
});

/** Imports that load a module when the file is loaded: neither those of types nor `import()`. */
function importedAtOnce(text: string): string[] {
  const file = ts.createSourceFile("file.ts", text, ts.ScriptTarget.Latest);
  return file.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    const { moduleSpecifier } = statement;
    const clause = ts.isImportDeclaration(statement) ? statement.importClause : statement;
    const isType = clause?.isTypeOnly;
    const isText = moduleSpecifier !== undefined && ts.isStringLiteral(moduleSpecifier);
    return isType !== true && isText ? [moduleSpecifier.text] : [];
  });
}

test("a room is importable only after its own row: the table has no cycles", () => {
  const names = Object.keys(rooms);
  const cyclic = names.filter((name) => reachable(name).has(name));
  expect(cyclic).toEqual([]);
});

function reachable(from: string): Set<string> {
  const seen = new Set<string>();
  const visit = (name: string): void => {
    for (const next of rooms[name]?.imports ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      visit(next);
    }
  };
  visit(from);
  return seen;
}

describe("the test itself refuses", () => {
  test.each([
    ["src/ir/graph.ts", `import { a } from "../cost/index.js";`, "ir may import base, diagnostics"],
    ["src/ir/graph.ts", `import type { A } from "../cost/index.js";`, "ir may import"],
    ["src/ir/graph.ts", `export type { A } from "../cost/index.js";`, "ir may import"],
    ["src/ir/graph.ts", `export * from "../cost/index.js";`, "ir may import"],
    ["src/ir/graph.ts", `import "../cost/index.js";`, "ir may import"],
    ["src/ir/graph.ts", `const m = await import("../cost/index.js");`, "ir may import"],
    ["src/ir/graph.ts", `type A = import("../cost/index.js").A;`, "ir may import"],
    ["src/ir/ops/norm.ts", `import { a } from "../../base/ids.js";`, "src/base/index.js"],
    ["src/ir/graph.ts", `import { a } from "../../test/support/x.js";`, "no room"],
    ["src/ir/graph.ts", `import { a } from "../index.js";`, "no room"],
    ["src/base/ids.ts", `import { a } from "../ir/index.js";`, "nothing but its own files"],
    ["src/base/ids.ts", `import pc from "picocolors";`, "base imports nothing"],
    ["src/egraph-ts/graph.ts", `import { a } from "../base/index.js";`, "nothing but its own files"],
    ["src/egraph-ts/parse.ts", `import { parse } from "#grammars/rules";`, "egraph-ts imports nothing"],
    ["src/rules/parse.ts", `import { parse } from "#internals/rules";`, "only #grammars/*"],
    ["src/compiler/stages.ts", `import { readFileSync } from "node:fs";`, "must run in a browser"],
    ["src/playground/main.ts", `import { join } from "path";`, "must run in a browser"],
    ["src/compiler/stages.ts", `import { a } from "../host/index.js";`, "compiler may import"],
    ["src/runtime/kv-blocks.ts", `import { a } from "../host/index.js";`, "runtime may import"],
    ["src/runtime/kv-blocks.ts", `import { Worker } from "node:worker_threads";`, "native"],
    ["src/runtime/kv-blocks.ts", `import koffi from "koffi";`, "native"],
    ["src/runtime/natively.d/x.ts", `import koffi from "koffi";`, "native"],
    ["src/host/files.ts", `import { a } from "../ir/index.js";`, "host may import base, diagnostics"],
    ["src/cli/main.ts", `import { a } from "../server/index.js";`, "cli may import"],
    ["src/server/main.ts", `import { a } from "../playground/index.js";`, "server may import"],
    ["src/codegen/names.ts", `import { a } from "../../backends/c/index.js";`, "codegen may import"],
    ["backends/c/emit.ts", `import { a } from "../cuda/index.js";`, "backends/c may import"],
    ["backends/c/emit.ts", `import { a } from "../../src/compiler/index.js";`, "backends/c may import"],
    ["backends/c/emit.ts", `import { a } from "../../src/codegen/names.js";`, "src/codegen/index.js"],
    ["backends/c/emit.ts", `import { a } from "node:fs";`, "must run in a browser"],
    ["src/compiler/stages.ts", `import { a } from "../../backends/c/emit.js";`, "backends/c/index.js"],
    ["src/misc/things.ts", ``, "no room"],
    ["src/things.ts", ``, "no room"],
  ])("%s: %s", (path, text, reason) => {
    expect(breachesIn(path, text)).toEqual([expect.stringContaining(reason)]);
  });
});

describe("the test itself accepts", () => {
  test.each([
    ["src/index.ts", `export * from "./compiler/stages.js"; import "node:fs";`],
    ["src/ir/ops/norm.ts", `import { a } from "../op.js"; import { b } from "../../base/index.js";`],
    ["src/ir/parse.ts", `import { parse } from "#grammars/ir";`],
    ["src/ir/graph.ts", `// import { a } from "../cost/index.js";\nconst s = 'import "../cost/index.js"';`],
    ["src/cli/main.ts", `import pc from "picocolors"; import { a } from "../runtime/index.js";`],
    ["src/host/files.ts", `import { readFile } from "node:fs/promises";`],
    ["src/runtime/native-executor.ts", `import koffi from "koffi"; import "node:worker_threads";`],
    ["src/runtime/native/worker.ts", `import { a } from "../sequences.js"; import "node:fs";`],
    ["src/compiler/stages.ts", `import { c } from "../../backends/c/index.js";`],
    ["backends/c/emit/kernels.ts", `import { a } from "../names.js"; import "../../../src/plan/index.js";`],
  ])("%s: %s", (path, text) => {
    expect(breachesIn(path, text)).toEqual([]);
  });
});
