/**
 * Lays out text in a limited width, after Wadler's "A prettier printer": documents say where lines may break,
 * and a group breaks all of its own lines or none. Comments are suffixes: they wait for the end of their
 * line, and break every group around them. Linear in the size of the document.
 */

import { assertNever } from "../../base/index.js";

export type Layout =
  | { readonly kind: "text"; readonly text: string }
  /** A space, or a line break where the group breaks. `soft` has no space, `hard` always breaks. */
  | { readonly kind: "line"; readonly how: "space" | "soft" | "hard" }
  | { readonly kind: "concat"; readonly parts: readonly Layout[]; readonly breaks: boolean }
  | { readonly kind: "group"; readonly content: Layout; readonly breaks: boolean }
  | { readonly kind: "indent"; readonly by: number; readonly content: Layout; readonly breaks: boolean }
  /** As many items on a line as fit; an item that takes lines of its own stands alone. */
  | { readonly kind: "fill"; readonly items: readonly Layout[]; readonly breaks: boolean }
  /** A comment behind what stands on the line, or on lines of its own below it. */
  | { readonly kind: "suffix"; readonly text: string; readonly ownLine: boolean };

export function text(content: string): Layout {
  return { kind: "text", text: content };
}

export const line: Layout = { kind: "line", how: "space" };
export const softLine: Layout = { kind: "line", how: "soft" };
export const hardLine: Layout = { kind: "line", how: "hard" };
/** An empty line between what stands before and after it. */
export const blankLine: Layout = concat(hardLine, hardLine);

export function concat(...parts: readonly (Layout | string)[]): Layout {
  const layouts = parts.map((each) => (typeof each === "string" ? text(each) : each));
  return { kind: "concat", parts: layouts, breaks: layouts.some(breaksAround) };
}

export function join(items: readonly Layout[], separator: Layout): Layout {
  return concat(...items.flatMap((item, i) => (i === 0 ? [item] : [separator, item])));
}

export function group(...parts: readonly (Layout | string)[]): Layout {
  const content = concat(...parts);
  return { kind: "group", content, breaks: breaksAround(content) };
}

export function indent(by: number, ...parts: readonly (Layout | string)[]): Layout {
  const content = concat(...parts);
  return { kind: "indent", by, content, breaks: breaksAround(content) };
}

/** Items carry their own commas. */
export function fill(items: readonly Layout[]): Layout {
  return { kind: "fill", items, breaks: items.some(breaksAround) };
}

export function suffix(content: string, ownLine: boolean): Layout {
  return { kind: "suffix", text: content, ownLine };
}

/** Whether a layout breaks every group around it. */
function breaksAround(layout: Layout): boolean {
  switch (layout.kind) {
    case "text":
      return false;
    case "line":
      return layout.how === "hard";
    case "suffix":
      return true;
    case "concat":
    case "group":
    case "indent":
    case "fill":
      return layout.breaks;
    default:
      return assertNever(layout);
  }
}

/** Ends with a line break unless it is empty. */
export function render(layout: Layout, width: number): string {
  return new Renderer(width).run(layout);
}

/** A layout that waits to be written; of a fill, its items from `from` on. */
interface Waiting {
  readonly layout: Layout;
  readonly indent: number;
  readonly flat: boolean;
  readonly from: number;
}

/** Invariant: `#column` is the length of the last line of `#text`; suffixes belong to that line. */
class Renderer {
  readonly #width: number;
  readonly #stack: Waiting[] = [];
  readonly #lines: string[] = [];
  #line = "";
  #suffixes: { readonly text: string; readonly ownLine: boolean; readonly indent: number }[] = [];

  constructor(width: number) {
    this.#width = width;
  }

  run(layout: Layout): string {
    this.#stack.push({ layout, indent: 0, flat: false, from: 0 });
    for (let next = this.#stack.pop(); next !== undefined; next = this.#stack.pop()) this.#write(next);
    this.#newLine(0);
    while (this.#lines.at(-1) === "") this.#lines.pop();
    return this.#lines.map((each) => `${each}\n`).join("");
  }

  #write(waiting: Waiting): void {
    const { layout, indent: depth, flat } = waiting;
    switch (layout.kind) {
      case "text":
        this.#line += layout.text;
        return;
      case "suffix":
        this.#suffixes.push({ ...layout, indent: depth });
        return;
      case "line":
        if (flat && layout.how !== "hard") this.#line += layout.how === "space" ? " " : "";
        else this.#newLine(depth);
        return;
      case "concat":
        for (const part of layout.parts.toReversed()) this.#push(part, depth, flat);
        return;
      case "indent":
        this.#push(layout.content, depth + layout.by, flat);
        return;
      case "group": {
        const fits = !layout.breaks && (flat || this.#fits(layout.content, this.#stack));
        this.#push(layout.content, depth, fits);
        return;
      }
      case "fill":
        this.#fill(layout.items, waiting);
        return;
      default:
        assertNever(layout);
    }
  }

  #push(layout: Layout, depth: number, flat: boolean, from = 0): void {
    this.#stack.push({ layout, indent: depth, flat, from });
  }

  /** One item; the rest waits, with the line break or the space before it decided. */
  #fill(items: readonly Layout[], { layout, indent: depth, flat, from }: Waiting): void {
    const item = items[from];
    if (item === undefined) return;
    const next = items[from + 1];
    const rest = next === undefined ? this.#stack : [];
    const fits = !breaksAround(item) && (flat || this.#fits(item, rest));
    if (next !== undefined) {
      this.#push(layout, depth, flat, from + 1);
      const after = items[from + 2] === undefined ? this.#stack.slice(0, -1) : [];
      const pair = concat(item, text(" "), next);
      const together = flat || (fits && !breaksAround(next) && this.#fits(pair, after));
      this.#push(together ? text(" ") : hardLine, depth, false);
    }
    this.#push(item, depth, fits);
  }

  #newLine(depth: number): void {
    const [first, ...others] = this.#suffixes;
    this.#suffixes = [];
    const behind = first !== undefined && !first.ownLine ? [first.text] : [];
    this.#lines.push([this.#line, ...behind].join(" ").trimEnd());
    // A second comment behind the same line would become part of the first.
    const below = first === undefined || !first.ownLine ? others : [first, ...others];
    for (const each of below) this.#lines.push(" ".repeat(each.indent) + each.text);
    this.#line = " ".repeat(depth);
  }

  /**
   * Whether a layout fits on the line when it is flat, with what follows it up to the next possible break.
   */
  #fits(layout: Layout, rest: readonly Waiting[]): boolean {
    let room = this.#width - this.#line.length;
    const stack: Pick<Waiting, "layout" | "flat">[] = [{ layout, flat: true }];
    let below = rest.length;
    while (room >= 0) {
      const next = stack.pop() ?? rest[--below];
      if (next === undefined) return true;
      const { layout: each, flat } = next;
      switch (each.kind) {
        case "text":
          room -= each.text.length;
          break;
        case "suffix":
          break;
        case "line":
          if (!flat || each.how === "hard") return true;
          room -= each.how === "space" ? 1 : 0;
          break;
        case "concat":
          for (const part of each.parts.toReversed()) stack.push({ layout: part, flat });
          break;
        case "group":
        case "indent":
          stack.push({ layout: each.content, flat: flat && !each.breaks });
          break;
        case "fill":
          if (!flat) return true;
          stack.push({ layout: join(each.items, line), flat });
          break;
        default:
          assertNever(each);
      }
    }
    return false;
  }
}
