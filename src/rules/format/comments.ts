/**
 * Finds the comments of a rule file again, which its grammar drops, and gives each a node to stand with: the
 * node before it on its line, else the one that follows, else the one around it. A comment in the middle of
 * an expression moves above the argument or guard that it is about.
 */

import type { Span } from "../../diagnostics/index.js";

export interface Comment {
  /** With its slashes, without white space at the end. */
  readonly text: string;
  readonly span: Span;
  /** Nothing but white space before it on its line. */
  readonly ownLine: boolean;
  /** An empty line follows. */
  readonly blankAfter: boolean;
}

/** What a comment can stand with. Nodes are compared by identity. */
export interface CommentNode {
  readonly node: object;
  readonly span: Span;
  readonly children: readonly CommentNode[];
}

export interface AttachedComments {
  readonly leading: ReadonlyMap<object, readonly Comment[]>;
  readonly trailing: ReadonlyMap<object, readonly Comment[]>;
}

/** Every `//` comment, in order; doc lines of `docs` are none. */
export function findComments(text: string, docs: readonly Span[]): readonly Comment[] {
  const starts = new Set(docs.map(({ start }) => start));
  const comments: Comment[] = [];
  for (const match of text.matchAll(/"(?:[^"\\\r\n]|\\.)*"|\/\/[^\r\n]*/g)) {
    const [found] = match;
    const start = match.index;
    if (found.startsWith('"') || starts.has(start)) continue;
    const end = start + found.length;
    const before = text.slice(text.lastIndexOf("\n", start - 1) + 1, start);
    comments.push({
      text: found.trimEnd(),
      span: { start, end },
      ownLine: before.trim() === "",
      blankAfter: /^\r?\n[ \t]*\r?\n/.test(text.slice(end)),
    });
  }
  return comments;
}

export function attachComments(comments: readonly Comment[], root: CommentNode): AttachedComments {
  const leading = new Map<object, Comment[]>();
  const trailing = new Map<object, Comment[]>();
  for (const comment of comments) {
    const { around, before, after } = placeOf(comment, root);
    const below = comment.ownLine || before === undefined ? after : undefined;
    if (below !== undefined) put(leading, below, comment);
    else if (before !== undefined) put(trailing, before, comment);
    else put(leading, around, comment);
  }
  return { leading, trailing };
}

function put(map: Map<object, Comment[]>, { node }: CommentNode, comment: Comment): void {
  const list = map.get(node);
  if (list === undefined) map.set(node, [comment]);
  else list.push(comment);
}

interface Surroundings {
  readonly around: CommentNode;
  readonly before: CommentNode | undefined;
  readonly after: CommentNode | undefined;
}

/** The smallest node around a comment, and the children of that node beside it. */
function placeOf({ span }: Comment, root: CommentNode): Surroundings {
  let around = root;
  for (;;) {
    const inner = around.children.find((each) => each.span.start <= span.start && span.end <= each.span.end);
    if (inner === undefined) break;
    around = inner;
  }
  return {
    around,
    before: around.children.findLast((each) => each.span.end <= span.start),
    after: around.children.find((each) => each.span.start >= span.end),
  };
}
