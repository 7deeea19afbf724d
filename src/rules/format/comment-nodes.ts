/**
 * What comments of a rule file can stand with: items, premises, bindings, guards, arguments, declarations.
 */

import type { Span } from "../../diagnostics/index.js";
import type {
  ApplicationSyntax,
  DeclaredTypeSyntax,
  FileSyntax,
  FusionSyntax,
  GivenSyntax,
  ItemSyntax,
  RightSyntax,
  RuleSyntax,
  TermSyntax,
  TestSyntax,
} from "../syntax.js";
import { assertNever } from "../../base/index.js";
import type { CommentNode } from "./comments.js";

type Spanned = object & { readonly span: Span };

/** First lines of rules and fusions, each as something that comments stand above and behind. */
export type Heads = ReadonlyMap<RuleSyntax | FusionSyntax, Spanned>;

/** `heads` holds a node for each first line, made by `headOf`. */
export function commentNodes(file: FileSyntax, heads: Heads): CommentNode {
  const children = [
    ...file.docLines.map((each) => node(each)),
    ...(file.header === null ? [] : [node(file.header)]),
    ...file.items.map((each) => itemNode(each, heads)),
  ];
  return node(file, children);
}

/** `exact rule name`, or `fusion name`. */
export function headOf(item: RuleSyntax | FusionSyntax): Spanned {
  const { name } = item;
  const start = item.kind === "rule" ? (item.numerics ?? name).span.start : afterDocs(item);
  return { span: { start, end: name.span.end } };
}

function node(of: Spanned, children: readonly CommentNode[] = []): CommentNode {
  return { node: of, span: of.span, children };
}

function itemNode(item: ItemSyntax, heads: Heads): CommentNode {
  switch (item.kind) {
    case "import":
      return node(item);
    case "schedule":
      return node(item, item.phases.map((each) => node(each)));
    case "given":
      return givenNode(item);
    case "test":
      return node(item, testChildren(item));
    case "fusion":
      return node(item, fusionChildren(item, heads.get(item)));
    case "rule":
      return node(item, ruleChildren(item, heads.get(item)));
    default:
      return assertNever(item);
  }
}

function givenNode(given: GivenSyntax): CommentNode {
  return node(given, given.declarations.map((each) => node(each, typeChildren(each.type))));
}

function typeChildren(type: DeclaredTypeSyntax): readonly CommentNode[] {
  return type.kind === "applied" ? argumentNodes(type.term) : [];
}

function testChildren({ options, given, start, goal }: TestSyntax): readonly CommentNode[] {
  return [
    ...options.map((each) => node(each)),
    ...(given === null ? [] : [givenNode(given)]),
    node(start, termChildren(start)),
    node(goal, termChildren(goal)),
  ];
}

function afterDocs({ docLines, span }: FusionSyntax): number {
  return docLines.at(-1)?.span.end ?? span.start;
}

function fusionChildren({ docLines }: FusionSyntax, head: Spanned | undefined): readonly CommentNode[] {
  return [...docLines.map((each) => node(each)), ...(head === undefined ? [] : [node(head)])];
}

function ruleChildren(rule: RuleSyntax, head: Spanned | undefined): readonly CommentNode[] {
  return [
    ...rule.docLines.map((each) => node(each)),
    ...(head === undefined ? [] : [node(head)]),
    ...rule.premises.map((each) => node(each, termChildren(each.term))),
    rightNode(rule.right),
    ...rule.guards.map((each) => node(each)),
  ];
}

function rightNode(right: RightSyntax): CommentNode {
  if (right.kind === "term") return node(right, termChildren(right.term));
  return node(right, right.bindings.map((each) => node(each, termChildren(each.term))));
}

function termChildren(term: TermSyntax): readonly CommentNode[] {
  return term.kind === "apply" ? argumentNodes(term) : [];
}

function argumentNodes({ args }: ApplicationSyntax): readonly CommentNode[] {
  return args.map((each) => node(each, each.kind === "operand" ? termChildren(each.term) : []));
}
