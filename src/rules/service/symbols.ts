/** Every name of a rule file with what it names: what hover, definition and rename look things up in. */

import { assertNever } from "../../base/index.js";
import type { Span } from "../../diagnostics/index.js";
import type {
  ApplicationSyntax,
  DeclarationSyntax,
  ExpressionSyntax,
  FileSyntax,
  GivenSyntax,
  ItemSyntax,
  NameSyntax,
  RuleSyntax,
  ScheduleSyntax,
  TermSyntax,
  TestSyntax,
  VariableSyntax,
} from "../syntax.js";

export interface NamedSymbol {
  readonly kind: "op" | "attribute" | "function" | "dtype" | "rule" | "class" | "purpose" | "family" | "import";
  readonly text: string;
  readonly span: Span;
  /** Of an op or an attribute: the application that it stands in. */
  readonly application?: ApplicationSyntax;
  readonly item?: ItemSyntax;
}

export interface VariableSymbol {
  readonly kind: "variable";
  /** Without the question mark, which `span` covers. */
  readonly text: string;
  readonly span: Span;
  /** What the name means one thing in: a rule, a test, or the `given` that declares it for several tests. */
  readonly scope: RuleSyntax | TestSyntax | GivenSyntax;
  readonly item: ItemSyntax;
}

export type FileSymbol = NamedSymbol | VariableSymbol;

/** In the order of the text. */
export function symbolsOf(syntax: FileSyntax): readonly FileSymbol[] {
  const collector = new Collector();
  collector.file(syntax);
  return collector.symbols.sort((a, b) => a.span.start - b.span.start);
}

/** The symbol that covers an offset; just behind its last character counts, where a cursor stands. */
export function symbolAt(symbols: readonly FileSymbol[], offset: number): FileSymbol | undefined {
  const inside = symbols.find(({ span }) => span.start <= offset && offset < span.end);
  return inside ?? symbols.find(({ span }) => span.end === offset);
}

/** All uses of the variable that a symbol is, the symbol included. */
export function usesOf(symbols: readonly FileSymbol[], like: VariableSymbol): readonly VariableSymbol[] {
  return symbols.filter((each): each is VariableSymbol => {
    return each.kind === "variable" && each.text === like.text && each.scope === like.scope;
  });
}

type Place = Pick<VariableSymbol, "item"> & { readonly scopeOf: (name: string) => VariableSymbol["scope"] };

/** Invariant: `#given` maps a name to the latest `given` at the top of the file that declares it. */
class Collector {
  readonly symbols: FileSymbol[] = [];
  readonly #given = new Map<string, GivenSyntax>();

  file({ header, items }: FileSyntax): void {
    if (header !== null) {
      this.#name("family", header.family);
      this.#name("purpose", header.purpose);
    }
    for (const item of items) this.#item(item);
  }

  #item(item: ItemSyntax): void {
    switch (item.kind) {
      case "import":
        this.#name("import", item.path, { item });
        break;
      case "schedule":
        this.#schedule(item);
        break;
      case "given":
        for (const { name } of item.declarations) this.#given.set(name.name, item);
        this.#declarations(item.declarations, { item, scopeOf: () => item });
        break;
      case "test":
        this.#test(item);
        break;
      case "rule":
        this.#rule(item);
        break;
      case "fusion":
        break;
      default:
        assertNever(item);
    }
  }

  #schedule(item: ScheduleSyntax): void {
    for (const family of item.phases.flatMap(({ families }) => families)) this.#name("family", family, { item });
  }

  #rule(item: RuleSyntax): void {
    const place: Place = { item, scopeOf: () => item };
    if (item.numerics !== null) this.#name("class", item.numerics, { item });
    this.#name("rule", item.name, { item });
    for (const { root, term } of item.premises) {
      if (root !== null) this.#variable(root, place);
      this.#term(term, place);
    }
    if (item.right.kind === "term") this.#term(item.right.term, place);
    else {
      for (const { name, term } of item.right.bindings) {
        this.#variable(name, place);
        this.#term(term, place);
      }
    }
    for (const guard of item.guards) this.#expression(guard, place);
  }

  #test(item: TestSyntax): void {
    const own = new Set(item.given?.declarations.map(({ name }) => name.name));
    const given = new Map(this.#given);
    const place: Place = { item, scopeOf: (name) => (own.has(name) ? item : (given.get(name) ?? item)) };
    for (const family of item.families) this.#name("family", family, { item });
    if (item.given !== null) this.#declarations(item.given.declarations, place);
    this.#term(item.start, place);
    this.#term(item.goal, place);
  }

  #declarations(declarations: readonly DeclarationSyntax[], place: Place): void {
    for (const { name, type } of declarations) {
      this.#variable(name, place);
      if (type.kind === "tensor") this.#name("dtype", type.dtype);
    }
  }

  #term(term: TermSyntax, place: Place): void {
    if (term.kind === "variable") this.#variable(term, place);
    if (term.kind !== "apply") return;
    const { item } = place;
    this.#name("op", term.op, { application: term, item });
    for (const arg of term.args) {
      if (arg.kind === "operand") {
        this.#term(arg.term, place);
        continue;
      }
      this.#name("attribute", arg.name, { application: term, item });
      this.#expression(arg.value, place);
    }
    if (term.type !== null) this.#expression(term.type, place);
  }

  #expression(expression: ExpressionSyntax, place: Place): void {
    switch (expression.kind) {
      case "number":
      case "string":
      case "wildcard":
        break;
      case "word":
        this.#name("dtype", expression);
        break;
      case "variable":
        this.#variable(expression, place);
        break;
      case "call":
        this.#name("function", expression.name);
        for (const arg of expression.args) this.#expression(arg, place);
        break;
      case "list":
      case "any":
        for (const item of expression.items) this.#expression(item, place);
        break;
      case "negate":
      case "not":
        this.#expression(expression.operand, place);
        break;
      case "arithmetic":
      case "compare":
        this.#expression(expression.left, place);
        this.#expression(expression.right, place);
        break;
      default:
        assertNever(expression);
    }
  }

  #variable({ name, span }: VariableSyntax, { item, scopeOf }: Place): void {
    this.symbols.push({ kind: "variable", text: name, span, scope: scopeOf(name), item });
  }

  #name(kind: NamedSymbol["kind"], { text, span }: NameSyntax, about: Pick<NamedSymbol, "application" | "item"> = {}): void {
    this.symbols.push({ kind, text, span, ...about });
  }
}
