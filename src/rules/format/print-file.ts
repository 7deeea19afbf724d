/** A rule file as a layout: one canonical form, with every comment beside what it is about. */

import { assertNever } from "../../base/index.js";
import type {
  ApplicationSyntax,
  ArgumentSyntax,
  BindingSyntax,
  DeclarationSyntax,
  DocLineSyntax,
  FileSyntax,
  FusionSyntax,
  GivenSyntax,
  ItemSyntax,
  NameSyntax,
  PremiseSyntax,
  RightSyntax,
  RuleSyntax,
  ScheduleSyntax,
  TermSyntax,
  TestSyntax,
} from "../syntax.js";
import type { Heads } from "./comment-nodes.js";
import { commentNodes, headOf } from "./comment-nodes.js";
import type { AttachedComments, Comment } from "./comments.js";
import { attachComments, findComments } from "./comments.js";
import type { Layout } from "./layout.js";
import { blankLine, concat, fill, group, hardLine, indent, join, line, softLine, suffix, text } from "./layout.js";
import { printCall, printExpression } from "./print-expression.js";

export function printFile(file: FileSyntax, source: string): Layout {
  const headed = file.items.flatMap((each) => (each.kind === "rule" || each.kind === "fusion" ? [each] : []));
  const heads: Heads = new Map(headed.map((each) => [each, headOf(each)]));
  const documented = file.items.flatMap((each) => ("docLines" in each ? each.docLines : []));
  const docs = [...file.docLines, ...documented];
  const comments = findComments(source, docs.map(({ span }) => span));
  const end = Math.max(file.header?.span.end ?? 0, ...file.items.map(({ span }) => span.end));
  const hasContent = file.header !== null || file.items.length > 0;
  const last = hasContent ? comments.filter((each) => isFooter(each, end)) : [];
  const inside = comments.filter((each) => !last.includes(each));
  const attached = attachComments(inside, commentNodes(file, heads));
  return new FilePrinter(source, attached, heads).file(file, last);
}

/** Comments on their own lines below everything else stay there. */
function isFooter({ span, ownLine }: Comment, end: number): boolean {
  return ownLine && span.start >= end;
}

/** Invariant: whatever can hold comments is printed once, by `#with`. */
class FilePrinter {
  readonly #source: string;
  readonly #comments: AttachedComments;
  readonly #heads: Heads;

  constructor(source: string, comments: AttachedComments, heads: Heads) {
    this.#source = source;
    this.#comments = comments;
    this.#heads = heads;
  }

  file(file: FileSyntax, footer: readonly Comment[]): Layout {
    const { docLines, header, items } = file;
    const top = docLines.map((each) => this.#with(each, text(docText("//!", each))));
    if (header !== null) {
      top.push(this.#with(header, text(`rules ${header.family.text} ${header.purpose.text}`)));
    }
    const parts: Layout[] = top.length === 0 ? [] : [join(top, hardLine)];
    items.forEach((item, i) => {
      const before = items[i - 1];
      if (before !== undefined) parts.push(before.kind === "import" && item.kind === "import" ? hardLine : blankLine);
      else if (top.length > 0) parts.push(blankLine);
      parts.push(this.#with(item, this.#item(item)));
    });
    const alone = [...(this.#comments.leading.get(file) ?? []), ...footer];
    if (alone.length > 0) parts.push(...(parts.length === 0 ? [] : [blankLine]), commentLines(alone, false));
    return concat(...parts);
  }

  /** Comments above and behind a node. */
  #with(node: object, printed: Layout): Layout {
    return concat(this.#above(node), printed, this.#behind(node));
  }

  #above(node: object): Layout {
    const comments = this.#comments.leading.get(node) ?? [];
    return comments.length === 0 ? text("") : commentLines(comments, true);
  }

  #behind(node: object): Layout {
    const comments = this.#comments.trailing.get(node) ?? [];
    return concat(...comments.map((each) => suffix(each.text, each.ownLine)));
  }

  #item(item: ItemSyntax): Layout {
    switch (item.kind) {
      case "import":
        return text(`import ${this.#copy(item.path)}`);
      case "schedule":
        return this.#schedule(item);
      case "given":
        return this.#given(item);
      case "test":
        return this.#test(item);
      case "fusion":
        return this.#fusion(item);
      case "rule":
        return this.#rule(item);
      default:
        return assertNever(item);
    }
  }

  #fusion(fusion: FusionSyntax): Layout {
    const { docLines, name, producers, readers } = fusion;
    const docs = docLines.flatMap((each) => [this.#with(each, text(docText("///", each))), hardLine]);
    const names = (kernels: readonly NameSyntax[]): string => kernels.map((each) => each.text).join(", ");
    const body = `${names(producers)} into ${names(readers)}`;
    const opened = this.#with(this.#heads.get(fusion) ?? name, text(`fusion ${name.text}`));
    return concat(...docs, opened, " {", indent(2, hardLine, body), hardLine, "}");
  }

  #copy({ span }: NameSyntax): string {
    return this.#source.slice(span.start, span.end);
  }

  #schedule({ phases }: ScheduleSyntax): Layout {
    if (phases.length === 0) return text("schedule {}");
    const printed = phases.map((phase) => this.#with(phase, phaseText(phase)));
    return concat("schedule {", indent(2, hardLine, join(printed, hardLine)), hardLine, "}");
  }

  #rule(rule: RuleSyntax): Layout {
    const { docLines, numerics, name, premises, right, guards } = rule;
    const docs = docLines.flatMap((each) => [this.#with(each, text(docText("///", each))), hardLine]);
    const head = text(`${numerics === null ? "" : `${numerics.text} `}rule ${name.text}`);
    const left = commaSeparated(premises.map((each) => this.#with(each, this.#premise(each))));
    const body = [
      group(join(left, hardLine), line, this.#above(right), `${rule.arrow.text} `, this.#right(right), this.#behind(right)),
    ];
    if (guards.length > 0) body.push(this.#guards(guards));
    const opened = this.#with(this.#heads.get(rule) ?? rule.name, head);
    return concat(...docs, opened, " {", indent(2, hardLine, join(body, hardLine)), hardLine, "}");
  }

  #premise({ root, term }: PremiseSyntax): Layout {
    return concat(root === null ? "" : `?${root.name} = `, this.#term(term));
  }

  #right(right: RightSyntax): Layout {
    if (right.kind === "term") return indent(3, this.#term(right.term));
    const bindings = commaSeparated(right.bindings.map((each) => this.#with(each, this.#binding(each))));
    return concat(right.let ? "let " : "", indent(3, join(bindings, hardLine)));
  }

  #binding({ name, term }: BindingSyntax): Layout {
    return concat(`?${name.name} = `, this.#term(term));
  }

  /** Comments above the first guard stand above the word. */
  #guards(guards: RuleSyntax["guards"]): Layout {
    const printed = guards.map((each, i) => {
      const own = concat(printExpression(each, this.#source), this.#behind(each));
      return i === 0 ? own : concat(this.#above(each), own);
    });
    return concat(this.#above(guards[0] ?? {}), "where ", indent(6, fill(commaSeparated(printed))));
  }

  #test(test: TestSyntax): Layout {
    const { title, families, options, given, start, goal, arrow } = test;
    const parts: Layout[] = [];
    if (families.length > 0) parts.push(text(`with ${families.map((each) => each.text).join(", ")}`));
    for (const option of options) {
      parts.push(this.#with(option, text(`option ${option.name.text}: ${this.#copy(option.value)}`)));
    }
    if (given !== null) parts.push(this.#with(given, this.#given(given)));
    const from = this.#with(start, this.#term(start));
    const to = concat(`${arrow.text} `, indent(arrow.text.length + 1, this.#term(goal)), this.#behind(goal));
    parts.push(group(from, line, this.#above(goal), to));
    return concat(`test ${this.#copy(title)} {`, indent(2, hardLine, join(parts, hardLine)), hardLine, "}");
  }

  #given({ declarations }: GivenSyntax): Layout {
    const printed = declarations.map((each) => this.#with(each, this.#declaration(each)));
    return concat("given ", indent(6, fill(commaSeparated(printed))));
  }

  #declaration({ name, constant, type }: DeclarationSyntax): Layout {
    const written =
      type.kind === "tensor"
        ? text(`${type.dtype.text}[${type.shape.map(({ value }) => String(value)).join(", ")}]`)
        : this.#application(type.term);
    return concat(`?${name.name}: ${constant ? "const " : ""}`, written);
  }

  #term(term: TermSyntax): Layout {
    switch (term.kind) {
      case "variable":
        return text(`?${term.name}`);
      case "wildcard":
        return text("_");
      case "apply":
        return this.#application(term);
      default:
        return assertNever(term);
    }
  }

  #application({ op, args, type }: ApplicationSyntax): Layout {
    const written = type === null ? text("") : concat(": ", printCall(type, this.#source));
    if (args.length === 0) return concat(`${op.text}()`, written);
    const printed = commaSeparated(args.map((each) => this.#with(each, this.#argument(each))));
    // A comment behind the last argument needs the line's end.
    const lastOf = args.at(-1);
    const closed = lastOf !== undefined && this.#comments.trailing.has(lastOf) ? hardLine : text("");
    const chunks = fillSimple(printed, args.map(isSimple));
    return concat(group(`${op.text}(`, indent(2, softLine, join(chunks, line)), closed, ")"), written);
  }

  #argument(arg: ArgumentSyntax): Layout {
    if (arg.kind === "operand") return this.#term(arg.term);
    return concat(`${arg.name.text}: `, printExpression(arg.value, this.#source));
  }
}

function docText(mark: string, { text: content }: DocLineSyntax): string {
  return content === "" ? mark : `${mark} ${content}`;
}

/** Each comment on a line; `open` ends with the start of what they stand above. */
function commentLines(comments: readonly Comment[], open: boolean): Layout {
  const last = comments.length - 1;
  return concat(
    ...comments.flatMap((each, i) => {
      if (i === last && !open) return [text(each.text)];
      return [text(each.text), each.blankAfter ? blankLine : hardLine];
    }),
  );
}

/** Variables and attributes share lines; an op with operands of its own stands alone. */
function isSimple(arg: ArgumentSyntax): boolean {
  return arg.kind === "attribute" || arg.term.kind !== "apply" || arg.term.args.length === 0;
}

function fillSimple(items: readonly Layout[], simple: readonly boolean[]): readonly Layout[] {
  const chunks: Layout[][] = [];
  items.forEach((item, i) => {
    const last = chunks.at(-1);
    if (last !== undefined && simple[i] === true && simple[i - 1] === true) last.push(item);
    else chunks.push([item]);
  });
  return chunks.map((each) => fill(each));
}

/** Every item but the last ends with a comma. */
function commaSeparated(items: readonly Layout[]): readonly Layout[] {
  return items.map((item, i) => (i === items.length - 1 ? item : concat(item, ",")));
}

function phaseText({ name, families, limits }: ScheduleSyntax["phases"][number]): Layout {
  const names = families.map(({ text: each }) => each).join(", ");
  const written = limits.map((each) => `${each.name.text} ${each.value}`).join(", ");
  return text(`${name.text}: ${names}${limits.length === 0 ? "" : ` (${written})`}`);
}
