/**
 * Loop kernels as text, for dumps and goldens. Stable: equal kernels print equally.
 *
 *     kernel neg(read x: f32[T, 4], write result: f32[T, 4])
 *       parallel i0 < T
 *         parallel i1 < 4
 *           result[i0, i1] = neg(f32(x[i0, i1]))
 */

import { TextWriter, assertNever } from "../base/index.js";
import type { LoopBuffer, LoopKernel, Scalar, Statement, Stride } from "../ir/index.js";
import { infixSymbol } from "./operators.js";

export function printLoops({ name, buffers, body }: LoopKernel): string {
  const out = new TextWriter();
  out.line(`kernel ${name}(${buffers.map(printBuffer).join(", ")})`);
  out.indented(() => printBody(body, out));
  return out.toString();
}

function printBuffer({ name, dtype, shape, access }: LoopBuffer): string {
  return `${access} ${name}: ${dtype}[${shape.join(", ")}]`;
}

function printBody(body: readonly Statement[], out: TextWriter): void {
  for (const statement of body) printStatement(statement, out);
}

function printStatement(statement: Statement, out: TextWriter): void {
  switch (statement.kind) {
    case "for":
      out.line(`${statement.mode} ${statement.index} < ${statement.extent}${strideText(statement.stride)}`);
      out.indented(() => printBody(statement.body, out));
      break;
    case "let":
      out.line(`let ${statement.name}: ${statement.dtype} = ${printScalar(statement.value)}`);
      break;
    case "assign":
      out.line(`${statement.name} = ${printScalar(statement.value)}`);
      break;
    case "store":
      out.line(`${printPlace(statement.buffer, statement.indices)} = ${printScalar(statement.value)}`);
      break;
    case "if":
      out.line(`if ${printScalar(statement.condition)}`);
      out.indented(() => printBody(statement.then, out));
      break;
    case "shared":
      out.line(`shared ${statement.name}: ${statement.dtype}[${statement.shape.join(", ")}]`);
      break;
    case "barrier":
      out.line("barrier");
      break;
    default:
      assertNever(statement);
  }
}

function strideText(stride: Stride | undefined): string {
  return stride === undefined ? "" : ` from ${printScalar(stride.from)} by ${stride.by}`;
}

function printPlace(buffer: string, indices: readonly Scalar[]): string {
  return `${buffer}[${indices.map(printScalar).join(", ")}]`;
}

export function printScalar(scalar: Scalar): string {
  switch (scalar.kind) {
    case "number":
      return printNumber(scalar);
    case "index":
    case "local":
      return scalar.name;
    case "extent":
      return `dim(${scalar.dim})`;
    case "load":
      return printPlace(scalar.buffer, scalar.indices);
    case "unary":
      return `${scalar.operator}(${printScalar(scalar.operand)})`;
    case "binary":
      return printBinary(scalar);
    case "select":
      return `(${printScalar(scalar.condition)} ? ${printScalar(scalar.then)} : ${printScalar(scalar.otherwise)})`;
    case "cast":
      return `${scalar.dtype}(${printScalar(scalar.operand)})`;
    default:
      return assertNever(scalar);
  }
}

/** Floats keep a point or an exponent, so that they differ from indices; other dtypes are written out. */
function printNumber({ value, dtype }: Extract<Scalar, { kind: "number" }>): string {
  const plain = dtype === "f32" || dtype === "i32" ? "" : `:${dtype}`;
  return `${dtype === "f32" || plain !== "" ? floatText(value) : String(value)}${plain}`;
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  const text = Object.is(value, -0) ? "-0" : String(value);
  return Number.isInteger(value) && !text.includes("e") ? `${text}.0` : text;
}

function printBinary({ operator, left, right }: Extract<Scalar, { kind: "binary" }>): string {
  const [a, b] = [printScalar(left), printScalar(right)];
  const symbol = infixSymbol(operator);
  return symbol === undefined ? `${operator}(${a}, ${b})` : `(${a} ${symbol} ${b})`;
}
