/**
 * The part of a module before the kernel's own source: bindings, where operands begin, and a reader or a
 * writer for each operand. Elements smaller than a word are cut out of it; they are stored with two atomic
 * operations, because other invocations own the rest of the word.
 */

import { assertNever, at, invariant, type TextWriter } from "../../../src/base/index.js";
import { wgslIdentifier } from "../../../src/codegen/index.js";
import type { KernelAccess } from "../kernel-row.js";
import { LIMITS } from "../limits.js";
import type { BindingRecord, Resource } from "../program.js";
import type { Place } from "./places.js";

/** One access of a call with the place of its value. */
export interface PlacedAccess {
  readonly access: KernelAccess;
  readonly place: Place;
}

/** A storage binding of a module. */
export interface Binding {
  readonly record: BindingRecord;
  readonly resource: Resource;
  /** The element type of the array. */
  readonly elements: ArrayElement;
  readonly accesses: readonly PlacedAccess[];
}

type ArrayElement = "f32" | "i32" | "u32" | "atomic<u32>" | "vec4<u32>";

/** The storage bindings of a call, in the order of their first use. */
export function bindingsOf(accesses: readonly PlacedAccess[]): readonly Binding[] {
  const groups = new Map<string, PlacedAccess[]>();
  for (const each of accesses) {
    if (each.place.kind === "layer") continue;
    const name = each.place.kind === "shared" ? each.place.buffer : weightName(each);
    groups.set(name, [...(groups.get(name) ?? []), each]);
  }
  invariant(groups.size <= LIMITS.storageBuffers, `a kernel binds ${groups.size} buffers`);
  return [...groups].map(([name, members]) => {
    const { place } = at(members, 0);
    const written = members.some(({ access }) => access.writes);
    return {
      record: { name, access: written ? "read_write" : "read" },
      resource: resourceOf(place),
      elements: arrayElement(members),
      accesses: members,
    };
  });
}

function resourceOf(place: Place): Resource {
  switch (place.kind) {
    case "weight":
      return { weight: place.index, part: 0 };
    case "shared":
      return place.buffer;
    case "layer":
      return "step";
    default:
      return assertNever(place);
  }
}

/** Names of buffers that every module may have: an operand may be called alike. */
const sharedNames = ["keys", "values"];

/** The parts of a quantized matrix are one binding, named for the operand. */
function weightName({ access }: PlacedAccess): string {
  const name = wgslIdentifier(access.name.replace(/_(codes|(sub_)?(scales|minimums))$/, ""));
  return sharedNames.includes(name) ? `${name}_weight` : name;
}

function arrayElement(members: readonly PlacedAccess[]): ArrayElement {
  const elements = members.map(({ access }) => access.element);
  if (elements.includes("vector")) {
    invariant(elements.length === 1, "packed weights are read by one operand");
    return "vec4<u32>";
  }
  if (members.some(({ access }) => access.writes && !isWord(access.element))) return "atomic<u32>";
  if (elements.every((each) => each === "f32")) return "f32";
  return elements.every((each) => each === "i32") ? "i32" : "u32";
}

function isWord(element: KernelAccess["element"]): boolean {
  return element === "f32" || element === "i32";
}

/** The name of the pipeline constant that says where an operand begins; undefined where that is 0. */
export function offsetName({ access, place }: PlacedAccess): string | undefined {
  if (place.kind !== "shared" || (place.buffer !== "arena" && place.buffer !== "batch")) return undefined;
  return `${wgslIdentifier(access.name)}_at`;
}

export function printBindings(bindings: readonly Binding[], out: TextWriter): void {
  out.block("struct Step {", () => {
    out.line("T: i32, S: i32, R: i32, C: i32, B: i32, P: i32,");
    out.line("layer: i32,");
  });
  out.line("@group(0) @binding(0) var<uniform> step: Step;");
  bindings.forEach(({ record: { name, access }, elements }, i) => {
    out.line(`@group(0) @binding(${i + 1}) var<storage, ${access}> ${name}: array<${elements}>;`);
  });
}

export function printAccessors(
  accesses: readonly PlacedAccess[],
  bindings: readonly Binding[],
  out: TextWriter,
): void {
  const offsets = accesses.flatMap((each) => offsetName(each) ?? []);
  if (offsets.length > 0) {
    out.gap().line("// Where operands begin, in words.");
    for (const name of offsets) out.line(`override ${name}: i32;`);
  }
  for (const each of accesses) {
    const binding = bindings.find((candidate) => candidate.accesses.includes(each));
    out.gap();
    if (each.access.reads) printReader(each, binding, out);
    if (each.access.reads && each.access.writes) out.gap();
    if (each.access.writes) printWriter(each, binding, out);
  }
}

function printReader(placed: PlacedAccess, binding: Binding | undefined, out: TextWriter): void {
  const { access, place } = placed;
  const name = `read_${wgslIdentifier(access.name)}`;
  if (place.kind === "layer" || binding === undefined) {
    out.line(`fn ${name}(i: i32) -> i32 { return step.layer; }`);
    return;
  }
  out.line(`fn ${name}(i: i32) -> ${valueType(access.element)} { return ${readText(placed, binding)}; }`);
}

function valueType(element: KernelAccess["element"]): string {
  if (element === "vector") return "vec4<u32>";
  if (element === "i1") return "bool";
  return element === "i32" || element === "i8" || element === "u8" ? "i32" : "f32";
}

function readText(placed: PlacedAccess, binding: Binding): string {
  const { element } = placed.access;
  const word = (index: string): string => {
    const place = `${binding.record.name}[${sum(offsetName(placed), index)}]`;
    return binding.elements === "atomic<u32>" ? `atomicLoad(&${place})` : place;
  };
  const first = placed.place.kind === "weight" ? placed.place.firstElement : 0;
  const i = first === 0 ? "i" : `(i + ${first})`;
  const byte = (index: string): string => `u32(${index} & 3) * 8u, 8u`;
  switch (element) {
    case "f32":
    case "i32":
      return binding.elements === element ? word(i) : `bitcast<${element}>(${word(i)})`;
    case "vector":
      return word(i);
    case "f16":
      return `unpack2x16float(${word(`(${i} >> 1u)`)})[${i} & 1]`;
    case "bf16":
      return `bitcast<f32>((${word(`(${i} >> 1u)`)} >> (u32(${i} & 1) * 16u)) << 16u)`;
    case "i8":
      return `extractBits(bitcast<i32>(${word(`(${i} >> 2u)`)}), ${byte(i)})`;
    case "u8":
      return `i32(extractBits(${word(`(${i} >> 2u)`)}, ${byte(i)}))`;
    case "i1":
      return `extractBits(${word(`(${i} >> 2u)`)}, ${byte(i)}) != 0u`;
  }
}

function sum(offset: string | undefined, index: string): string {
  return offset === undefined ? index.replace(/^\((.*)\)$/, "$1") : `${offset} + ${index}`;
}

function printWriter(placed: PlacedAccess, binding: Binding | undefined, out: TextWriter): void {
  const { access } = placed;
  invariant(binding !== undefined, `${access.name} lies in a buffer`);
  const name = binding.record.name;
  const head = `fn write_${wgslIdentifier(access.name)}(i: i32, value: ${valueType(access.element)})`;
  const offset = offsetName(placed);
  if (isWord(access.element)) {
    const place = `${name}[${sum(offset, "i")}]`;
    const bits = `bitcast<u32>(value)`;
    if (binding.elements === "atomic<u32>") out.line(`${head} { atomicStore(&${place}, ${bits}); }`);
    else out.line(`${head} { ${place} = ${binding.elements === access.element ? "value" : bits}; }`);
    return;
  }
  const isHalf = access.element === "f16" || access.element === "bf16";
  const [shift, mask] = isHalf ? ["u32(i & 1) * 16u", "0xffffu"] : ["u32(i & 3) * 8u", "0xffu"];
  out.block(`${head} {`, () => {
    out.line(`let word = &${name}[${sum(offset, isHalf ? "(i >> 1u)" : "(i >> 2u)")}];`);
    out.line(`let shift = ${shift};`);
    out.line(`atomicAnd(word, ~(${mask} << shift));`);
    out.line(`atomicOr(word, (${storedBits(access.element)} & ${mask}) << shift);`);
  });
}

function storedBits(element: KernelAccess["element"]): string {
  if (element === "f16") return "half_bits(value)";
  if (element === "bf16") return "brain_bits(value)";
  return element === "i1" ? "u32(value)" : "bitcast<u32>(value)";
}
