/**
 * Reads the text of a loop kernel, the inverse of `printLoops`. Texts are our own dumps and fixtures, so the
 * first mistake ends it; what is well-formed may still be wrong, which `verifyLoops` says.
 */

import { parse, SyntaxError as GrammarError } from "#grammars/loops";

import { assertNever, at } from "../base/index.js";
import type { DType, LoopBuffer, LoopKernel, Scalar, Statement } from "../ir/index.js";
import { dtypes } from "../ir/index.js";
import { binaryOperator, isUnaryOperator } from "./operators.js";
import type { BufferSyntax, KernelSyntax, LineSyntax, ScalarSyntax, TextSpan } from "./syntax.js";

/** A text that is no loop kernel. */
export class LoopSyntaxError extends Error {
  override readonly name = "LoopSyntaxError";
  /** From 1. */
  readonly line: number;

  constructor(message: string, line: number) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

const MAX_LENGTH = 2 ** 20;
/** Of brackets, and of bodies inside each other. */
const MAX_DEPTH = 256;
const INDENT = 2;

/** Throws `LoopSyntaxError`. */
export function parseLoops(text: string): LoopKernel {
  checkSize(text);
  const { name, buffers, lines } = readSyntax(text);
  const reader = new LoopReader(text, lines);
  return { name, buffers: buffers.map((each) => reader.buffer(each)), body: reader.body(INDENT) };
}

function checkSize(text: string): void {
  if (text.length > MAX_LENGTH) throw new LoopSyntaxError(`a kernel has at most ${MAX_LENGTH} characters`, 1);
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if ("([".includes(text[i]!)) depth++;
    if (")]".includes(text[i]!)) depth--;
    if (depth <= MAX_DEPTH) continue;
    throw new LoopSyntaxError(`brackets are nested more than ${MAX_DEPTH} deep`, lineOf(text, i));
  }
}

function readSyntax(text: string): KernelSyntax {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    throw new LoopSyntaxError(error.message, error.location.start.line);
  }
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

function loadSyntax({ buffer }: Extract<ScalarSyntax, { kind: "load" }>): { kind: "load"; buffer: string } {
  return { kind: "load", buffer };
}

/** Invariant: lines before `#next` have been read; `#names` are those that are visible there. */
class LoopReader {
  readonly #text: string;
  readonly #lines: readonly LineSyntax[];
  #next = 0;
  #names: ReadonlyMap<string, "index" | "local"> = new Map();

  constructor(text: string, lines: readonly LineSyntax[]) {
    this.#text = text;
    this.#lines = lines;
  }

  buffer({ access, name, dtype, shape, span }: BufferSyntax): LoopBuffer {
    if (access !== "read" && access !== "write" && access !== "update") {
      this.#refuse(span, `a buffer is read, write or update, found \`${access}\``);
    }
    return { name, dtype: this.#dtype(dtype, span), shape, access };
  }

  /** The lines of this indent, to the first that has a smaller one. */
  body(indent: number): readonly Statement[] {
    const outer = this.#names;
    const statements: Statement[] = [];
    for (let line = this.#lines[this.#next]; line !== undefined; line = this.#lines[this.#next]) {
      if (line.indent < indent && line.indent % INDENT === 0 && line.indent >= INDENT) break;
      if (line.indent !== indent) this.#refuse(line.span, `a line is indented by ${indent}, found ${line.indent}`);
      if (indent > INDENT * MAX_DEPTH) this.#refuse(line.span, `bodies are nested more than ${MAX_DEPTH} deep`);
      this.#next++;
      statements.push(this.#statement(line, indent + INDENT));
    }
    this.#names = outer;
    return statements;
  }

  #statement({ statement, span }: LineSyntax, inner: number): Statement {
    switch (statement.kind) {
      case "for": {
        const outer = this.#names;
        const { stride, ...head } = statement;
        const strided = stride && { stride: { from: this.#scalar(stride.from), by: stride.by } };
        this.#declare(statement.index, "index");
        const loop = { ...head, ...strided, body: this.body(inner) };
        this.#names = outer;
        return loop;
      }
      case "if":
        return { kind: "if", condition: this.#scalar(statement.condition), then: this.body(inner) };
      case "let": {
        const value = this.#scalar(statement.value);
        this.#declare(statement.name, "local");
        return { ...statement, dtype: this.#dtype(statement.dtype, span), value };
      }
      case "assign":
        return { ...statement, value: this.#scalar(statement.value) };
      case "store": {
        const indices = statement.indices.map((each) => this.#scalar(each));
        return { ...statement, indices, value: this.#scalar(statement.value) };
      }
      case "shared":
        return { ...statement, dtype: this.#dtype(statement.dtype, span) };
      case "barrier":
        return statement;
      default:
        return assertNever(statement);
    }
  }

  #declare(name: string, kind: "index" | "local"): void {
    this.#names = new Map([...this.#names, [name, kind]]);
  }

  #scalar(syntax: ScalarSyntax): Scalar {
    switch (syntax.kind) {
      case "number": {
        const { value, dtype, isFloat, span } = syntax;
        return { kind: "number", value, dtype: this.#dtype(dtype ?? (isFloat ? "f32" : "i32"), span) };
      }
      case "name": {
        const kind = this.#names.get(syntax.name);
        return kind === undefined
          ? this.#refuse(syntax.span, `no loop and no local around here is called \`${syntax.name}\``)
          : { kind, name: syntax.name };
      }
      case "extent":
        return { kind: "extent", dim: syntax.dim };
      case "load":
        return { ...loadSyntax(syntax), indices: syntax.indices.map((each) => this.#scalar(each)) };
      case "call":
        return this.#call(syntax);
      case "infix": {
        const operator = binaryOperator(syntax.operator);
        if (operator === undefined) return this.#refuse(syntax.span, `there is no operator \`${syntax.operator}\``);
        return { kind: "binary", operator, left: this.#scalar(syntax.left), right: this.#scalar(syntax.right) };
      }
      case "select": {
        const [condition, then, otherwise] = [syntax.condition, syntax.then, syntax.otherwise];
        return {
          kind: "select",
          condition: this.#scalar(condition),
          then: this.#scalar(then),
          otherwise: this.#scalar(otherwise),
        };
      }
      default:
        return assertNever(syntax);
    }
  }

  #call({ name, args, span }: Extract<ScalarSyntax, { kind: "call" }>): Scalar {
    const operands = args.map((each) => this.#scalar(each));
    const dtype = dtypes.find((each) => each === name);
    if (operands.length === 1 && dtype !== undefined) return { kind: "cast", dtype, operand: at(operands, 0) };
    if (operands.length === 1 && isUnaryOperator(name)) {
      return { kind: "unary", operator: name, operand: at(operands, 0) };
    }
    const operator = binaryOperator(name);
    if (operands.length === 2 && operator !== undefined) {
      return { kind: "binary", operator, left: at(operands, 0), right: at(operands, 1) };
    }
    return this.#refuse(span, `there is no function \`${name}\` of ${operands.length}`);
  }

  #dtype(text: string, span: TextSpan): DType {
    return dtypes.find((each) => each === text) ?? this.#refuse(span, `there is no dtype \`${text}\``);
  }

  #refuse(span: TextSpan, message: string): never {
    throw new LoopSyntaxError(message, lineOf(this.#text, span.start));
  }
}
