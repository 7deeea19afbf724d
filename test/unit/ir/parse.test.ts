import { describe, expect, test } from "vitest";

import { renderDiagnostics } from "../../../src/diagnostics/index.js";
import { findFunction, parseModule } from "../../../src/ir/index.js";
import { codesOf, mustParse } from "../../support/parse-ir.js";
import { smallRegistry } from "../../support/small-registry.js";

function diagnose(text: string): string {
  return renderDiagnostics(parseModule({ name: "test.mlir", text }, smallRegistry).diagnostics);
}

/** A function around one operation on `%x: tensor<4xf32>`. */
function around(operation: string): string {
  return `func.func @f(%x: tensor<4xf32>) {\n${operation}\nreturn\n}`;
}

describe("what comes out", () => {
  test("values are numbered as they are defined, under their names", () => {
    const module = mustParse(`
      func.func @step(%x: tensor<4xf32>) -> tensor<4xf32> {
        %w = "llm.weight"() {name = "gain"} : () -> tensor<4xf32>
        %y = "llm.add"(%x, %w) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
        return %y : tensor<4xf32>
      }`);
    expect(findFunction(module, "step")).toMatchObject({
      params: [0],
      operations: [
        { kind: "op", op: "weight", operands: [], attrs: { name: "gain" }, results: [1] },
        { kind: "op", op: "add", operands: [0, 1], attrs: {}, results: [2] },
      ],
      results: [2],
      values: [{ name: "x" }, { name: "w" }, { name: "y" }],
    });
  });

  test("layers part their operands into what is carried and what is not", () => {
    const module = mustParse(`
      func.func private @layer(%n: tensor<i32>, %x: tensor<4xf32>, %y: tensor<5xf16>) -> tensor<4xf32> {
        return %x : tensor<4xf32>
      }
      func.func @f(%x: tensor<4xf32>, %y: tensor<5xf16>) {
        %z = "llm.layers"(%x, %y) {body = @layer, carried = 1, count = 3, first = 2} : (tensor<4xf32>, tensor<5xf16>) -> tensor<4xf32>
        return
      }`);
    expect(findFunction(module, "f")?.operations).toEqual([
      { kind: "layers", body: "layer", first: 2, count: 3, carried: [0], invariants: [1], results: [2] },
    ]);
  });

  test("an integer zero has no sign", () => {
    const concat = '%y = "llm.concat"(%x) {axis = -0 : i64} : (tensor<4xf32>) -> tensor<4xf32>';
    expect(mustParse(around(concat)).functions[0]?.operations[0]).toMatchObject({ attrs: { axis: 0 } });
  });

  test("results that share a name get names of their own, which no other value has", () => {
    const module = mustParse(`
      func.func private @layer(%n: tensor<i32>, %x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
        return %y, %x : tensor<4xf32>, tensor<4xf32>
      }
      func.func @f(%x: tensor<4xf32>) {
        %y:2 = "llm.layers"(%x, %x) {body = @layer, carried = 2, count = 3, first = 0} : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
        %y_1 = "llm.add"(%y#0, %y#1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
        return
      }`);
    expect(findFunction(module, "f")?.values.map((each) => each.name)).toEqual(["x", "y_0", "y_1_", "y_1"]);
  });
});

describe("messages", () => {
  test("an unknown op shows its place and the nearest name", () => {
    expect(diagnose(around('  %y = "llm.rms_nrm"(%x) : (tensor<4xf32>) -> tensor<4xf32>'))).toBe(
      [
        "error[ir/unknown-op]: no op `rms_nrm` is known",
        "  --> test.mlir:2:8",
        "    |",
        '  2 |   %y = "llm.rms_nrm"(%x) : (tensor<4xf32>) -> tensor<4xf32>',
        "    |        ^^^^^^^^^^^^^",
        "  hint: did you mean `rms_norm`?",
      ].join("\n"),
    );
  });

  test.each([
    ['%y = "llm.add"(%xx, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>', "hint: did you mean `%x`?"],
    ['%y = "arith.add"(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>', 'hint: write `"llm.add"`'],
    ['%y = "llm.add"(%x) : (tensor<4xf32>) -> tensor<4xf32>', "`add` takes 2 operands, found 1"],
    ['%y = "llm.add"(%x) : (tensor<4xf32>) -> tensor<4xf32>', "hint: its operands are a, b"],
    ['%y = "llm.weight"() {nam = "x"} : () -> tensor<4xf32>', "hint: did you mean `name`?"],
    ['%y = "llm.add"(%x, %x) {axis = 0} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>', "hint: it has no attributes"],
    ['%y = "llm.rms_norm"(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>', "such as `1.0e-05 : f64`"],
    ['%y = "llm.weight"() {name = "x"} : () -> tensor<?x4xf32>', 'tensor<?x?xi32, "S,B">'],
    ['%y = "llm.weight"() {name = "x"} : () -> tensor<4xu8>', "hint: MLIR writes `ui8`"],
    ['%y = "llm.weight"() {name = "x"} : () -> f32', "hint: a scalar is `tensor<f32>`"],
    ['%y = "llm.weight"() {name = "x"} : () -> !llm.paged_cache<1>', "`!llm.paged_cache` is no type"],
    ['%y = "llm.weight"() {name = "x} : () -> f32', "this string is not closed on its line"],
    ['%y = "llm.weight"() {name = "\\q"} : () -> f32', "this string has an escape other than"],
    ['%y = "llm.weight"() {name = "\\FF"} : () -> f32', "the bytes written with \\hh are not UTF-8"],
    ["%y = llm.weight", "expected quoted name, found `llm.weight`"],
  ])("%s: %s", (operation, message) => {
    expect(diagnose(around(operation))).toContain(message);
  });

  test("a syntax error says what may stand there", () => {
    expect(diagnose("module {\n  func.fun @f() {}\n}")).toContain("expected `func.func` or `}`, found `func.fun`");
    expect(diagnose("module {")).toContain("found the end of the text");
    expect(diagnose("module {}\nmodule {}")).toContain("expected the end of the text, found `module`");
  });

  test("one mistake is reported once, and all mistakes are reported", () => {
    const text = around(`
      %a = "llm.nothing"(%x) : (tensor<4xf32>) -> tensor<4xf32>
      %b = "llm.add"(%a, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      %c = "llm.add"(%b, %d) : (tensor<4xf32>, tensor<4xf32>) -> tensor<5xf32>
      %e = "llm.cast"(%c) {dtype = f16} : (tensor<4xf32>) -> tensor<4xf16>`);
    expect(codesOf(text)).toEqual(["ir/unknown-op", "ir/undefined-value", "ir/operand-type"]);
  });
});

describe("hostile text gets an answer at once", () => {
  const million = 1_000_000;
  test.each([
    ["opening brackets", "(".repeat(million), "ir/too-deep"],
    ["brackets in a type", around(`%y = "llm.add"() : () -> !llm.x${"<".repeat(million)}`), "ir/too-deep"],
    ["nested lists", around(`%y = "llm.add"() {a = ${"[".repeat(million)}`), "ir/too-deep"],
    ["brackets behind what looks like a comment", around(`%y = "llm.add"() : () -> !llm.x<//${"<".repeat(million)}`), "ir/syntax"],
    ["brackets behind a comment", around(`//\r${"(".repeat(million)}`), "ir/too-deep"],
    ["brackets behind a quote", around(`%y = "llm.add"() {a = "\n${"[".repeat(million)}`), "ir/too-deep"],
    ["closing brackets", ")".repeat(million), "ir/syntax"],
    ["an unclosed string", around(`%y = "${"a".repeat(million)}`), "ir/syntax"],
    ["an unclosed string of escapes", around(`%y = "${"\\C3\\A9".repeat(million / 8)}`), "ir/syntax"],
    ["a long integer", around(`%y = "llm.concat"(%x) {axis = ${"9".repeat(million)}} : (tensor<4xf32>) -> f32`), "ir/attribute-kind"],
    ["a long extent", around(`%y = "llm.weight"() {name = "x"} : () -> tensor<${"9".repeat(million)}xf32>`), "ir/bad-type"],
    ["a long shape", around(`%y = "llm.weight"() {name = "x"} : () -> tensor<${"9x".repeat(million / 4)}f32>`), "ir/bad-type"],
    ["a long type body", around(`%y = "llm.weight"() {name = "x"} : () -> !llm.packed_tensor<"a", ${"1x".repeat(million / 4)}>`), "ir/bad-type"],
    ["a long name", around(`%${"y".repeat(million)} = "llm.weight"() {name = "x"} : () -> f32`), "ir/bad-type"],
    ["blanks", " ".repeat(million), undefined],
    ["comments", "//\n".repeat(million / 3), undefined],
    ["too much text", " ".repeat(5 * million), "ir/too-large"],
    ["control characters", "\0".repeat(million), "ir/syntax"],
  ])("%s", (_, text, code) => {
    const start = performance.now();
    const codes = codesOf(text);
    expect(code === undefined ? codes : codes[0]).toEqual(code ?? []);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test("a text of nothing but mistakes names a hundred and counts the others", () => {
    const line = (i: number): string => `%v${i} = "llm.add"(%undefined${i}, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>`;
    const text = around(Array.from({ length: 5000 }, (_, i) => line(i)).join("\n"));
    const { diagnostics } = parseModule({ name: "test.mlir", text }, smallRegistry);
    expect(diagnostics).toHaveLength(101);
    expect(diagnostics.at(-1)).toMatchObject({ code: "ir/more-errors", message: "4900 more errors not shown" });
  });

  test("a message quotes at most a part of a long name", () => {
    expect(diagnose(around(`%y = "llm.${"a".repeat(million)}"() : () -> tensor<4xf32>`)).length).toBeLessThan(2000);
  });

  test("names of Object.prototype are ordinary unknown names", () => {
    expect(codesOf(around('%y = "llm.toString"() : () -> !constructor'))).toEqual(["ir/unknown-op", "ir/bad-type"]);
    expect(codesOf(around('%y = "llm.add"(%x, %x) {__proto__ = 1, toString = 2} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>'))).toEqual([
      "ir/unknown-attribute",
      "ir/unknown-attribute",
    ]);
  });
});
