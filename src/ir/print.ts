/**
 * Prints a module in its text form: MLIR's generic form, one operation a line, which the stock
 * `mlir-opt --allow-unregistered-dialect` accepts. The text is complete: `parseModule` gives an equal
 * module back, names included. Same module, same bytes.
 */

import { assertNever, invariant, TextWriter } from "../base/index.js";
import type { AttrKind, Attrs, AttrValue } from "./attrs.js";
import type { Func, LayersOperation, Module, Operation, ValueId } from "./graph.js";
import { entryName, valueInfo, valueType } from "./graph.js";
import type { Registry } from "./registry.js";
import { isOfKind } from "./registry.js";
import type { Dim, DType } from "./types.js";
import { printDtype, printType } from "./types.js";

export function printModule(module: Module, registry: Registry): string {
  const writer = new TextWriter();
  writer.block("module {", () => {
    for (const func of module.functions) writeFunction(writer, func, registry);
  });
  return writer.toString();
}

function writeFunction(writer: TextWriter, func: Func, registry: Registry): void {
  writer.block(`${signature(func)} {`, () => {
    for (const operation of func.operations) writer.line(printOperation(func, operation, registry));
    writer.line(returnLine(func));
  });
}

function signature(func: Func): string {
  const visibility = func.name === entryName ? "" : "private ";
  const params = func.params.map((each) => `${use(func, each)}: ${printType(valueType(func, each))}`);
  const results = func.results.length === 0 ? "" : ` -> ${resultTypes(func, func.results)}`;
  return `func.func ${visibility}@${func.name}(${params.join(", ")})${results}`;
}

function returnLine(func: Func): string {
  if (func.results.length === 0) return "return";
  return `return ${uses(func, func.results)} : ${types(func, func.results)}`;
}

/** One operation on one line. */
export function printOperation(func: Func, operation: Operation, registry: Registry): string {
  switch (operation.kind) {
    case "op": {
      const attrs = printAttrs(operation.attrs, registry.require(operation.op).attrs);
      return application(func, { ...operation, attrs });
    }
    case "layers":
      return layersLine(func, operation);
    default:
      return assertNever(operation);
  }
}

function layersLine(func: Func, operation: LayersOperation): string {
  const { body, carried, invariants, count, first, results } = operation;
  const numbers = { carried: carried.length, count, first };
  const attrs = [`body = @${body}`, ...printAttrs(numbers, { carried: "int", count: "int", first: "int" })];
  return application(func, { op: "layers", operands: [...carried, ...invariants], attrs, results });
}

interface Application {
  readonly op: string;
  readonly operands: readonly ValueId[];
  readonly attrs: readonly string[];
  readonly results: readonly ValueId[];
}

function application(func: Func, { op, operands, attrs, results }: Application): string {
  const names = results.length === 0 ? "" : `${uses(func, results)} = `;
  const braces = attrs.length === 0 ? "" : ` {${attrs.join(", ")}}`;
  const type = `(${types(func, operands)}) -> ${resultTypes(func, results)}`;
  return `${names}"llm.${op}"(${uses(func, operands)})${braces} : ${type}`;
}

function use(func: Func, value: ValueId): string {
  return `%${valueInfo(func, value).name}`;
}

function uses(func: Func, values: readonly ValueId[]): string {
  return values.map((each) => use(func, each)).join(", ");
}

function types(func: Func, values: readonly ValueId[]): string {
  return values.map((each) => printType(valueType(func, each))).join(", ");
}

function resultTypes(func: Func, values: readonly ValueId[]): string {
  return values.length === 1 ? types(func, values) : `(${types(func, values)})`;
}

// ---- Attributes ----------------------------------------------------------------------------------------

/** `name = value` for each attribute, sorted by name, each printed as its kind says. */
function printAttrs(attrs: Attrs, kinds: Readonly<Record<string, AttrKind>>): string[] {
  return Object.keys(attrs)
    .sort()
    .map((name) => {
      const kind = kinds[name];
      const value = attrs[name];
      invariant(kind !== undefined && value !== undefined, `the attribute ${name} has a kind and a value`);
      return `${name} = ${printAttr(kind, value)}`;
    });
}

/** An attribute's value in MLIR's syntax. */
export function printAttr(kind: AttrKind, value: AttrValue): string {
  invariant(isOfKind(kind, value), `an attribute of kind ${kind} has a value of that kind`);
  switch (kind) {
    case "int":
      return `${value as number} : i64`;
    case "float":
      return `${printFloat(value as number)} : f64`;
    case "string":
      return printString(value as string);
    case "bool":
      return String(value);
    case "ints":
    case "dims":
      return `[${(value as readonly Dim[]).map(printDim).join(", ")}]`;
    case "dtype":
      return printDtype(value as DType);
    default:
      return assertNever(kind);
  }
}

function printDim(dim: Dim): string {
  return typeof dim === "number" ? String(dim) : printString(dim);
}

/**
 * The shortest decimal that reads back as the same number, always with a point, as MLIR wants it; what
 * has no decimal is printed as the bits of the binary64.
 */
function printFloat(value: number): string {
  if (!Number.isFinite(value)) return `0x${hexBits(value)}`;
  if (Object.is(value, -0)) return "-0.0";
  const size = Math.abs(value);
  const plain = value === 0 || (size >= 1e-4 && size < 1e16);
  const [digits, exponent] = (plain ? String(value) : value.toExponential()).split("e");
  invariant(digits !== undefined, "a printed number has digits");
  const mantissa = digits.includes(".") ? digits : `${digits}.0`;
  return exponent === undefined ? mantissa : `${mantissa}e${printExponent(exponent)}`;
}

/** Sign and at least two digits, as C and MLIR write it. */
function printExponent(exponent: string): string {
  return exponent[0]! + exponent.slice(1).padStart(2, "0");
}

function hexBits(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).toUpperCase().padStart(16, "0");
}

/** Control characters and those that reorder a line on a screen are written as bytes of UTF-8. */
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

export function printString(text: string): string {
  const escaped = text.replace(/["\\]/g, "\\$&").replace(unprintable, escapeBytes);
  return `"${escaped}"`;
}

function escapeBytes(character: string): string {
  const bytes = [...new TextEncoder().encode(character)];
  return bytes.map((byte) => `\\${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}
