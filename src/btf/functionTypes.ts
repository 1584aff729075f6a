// SPDX-License-Identifier: Apache-2.0
/**
 * Return types and parameters of a kernel's functions, from its BPF type information (`.BTF`; Documentation/bpf/btf.rst in the
 * kernel's source describes the format). Typedefs and qualifiers are resolved.
 */
import { fail } from "../diagnostics.js";
import type { ElfObject } from "../elf/object.js";

export type ReturnType =
  | { readonly kind: "void" | "bool" | "pointer" }
  | { readonly kind: "integer"; readonly bytes: number; readonly isSigned: boolean }
  /** A structure, a floating-point number: nothing that fits what a gate answers with. */
  | { readonly kind: "other" };

export interface FunctionType {
  readonly returns: ReturnType;
  /** How many parameters it takes. */
  readonly parameters: number;
  /** Two functions of a file with the same one return and take the same types. */
  readonly signature: string;
}

const magic = 0xeb9f;
const headerBytes = 24;
const typeBytes = 12;

/** `BTF_KIND_*`, and the bytes that follow a type of the kind: so many, and so many for each member. */
const kinds = {
  integer: 1,
  pointer: 2,
  enumeration: 6,
  typedef: 8,
  volatile: 9,
  constant: 10,
  restrict: 11,
  function: 12,
  prototype: 13,
  tag: 18,
  enumeration64: 19,
} as const;
const tailBytes: ReadonlyMap<number, readonly [fixed: number, each: number]> = new Map([
  [1, [4, 0]],
  [2, [0, 0]],
  [3, [12, 0]],
  [4, [0, 12]],
  [5, [0, 12]],
  [6, [0, 8]],
  [7, [0, 0]],
  [8, [0, 0]],
  [9, [0, 0]],
  [10, [0, 0]],
  [11, [0, 0]],
  [12, [0, 0]],
  [13, [0, 8]],
  [14, [4, 0]],
  [15, [0, 12]],
  [16, [0, 0]],
  [17, [4, 0]],
  [18, [0, 0]],
  [19, [0, 12]],
]);
const lookedThrough = new Set<number>([
  kinds.typedef,
  kinds.volatile,
  kinds.constant,
  kinds.restrict,
  kinds.tag,
]);

/**
 * The types of all functions of a name: static ones of several files may share it. Undefined where the
 * file has no type information. Throws `elf-malformed`.
 */
export function readFunctionTypes(elf: ElfObject): ReadonlyMap<string, readonly FunctionType[]> | undefined {
  const section = elf.sections.find(({ name }) => name === ".BTF");
  if (section === undefined) return undefined;
  const malformed = (offset: number, what: string): never =>
    fail("elf-malformed", { file: elf.file, section: ".BTF", offset, what });
  const bytes = elf.bytes.subarray(section.offset, section.offset + section.size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < headerBytes || view.getUint16(0, true) !== magic)
    return malformed(0, "it does not begin like type information");
  const [header, typesAt, typesSize, namesAt, namesSize] = [4, 8, 12, 16, 20].map((at) =>
    view.getUint32(at, true),
  ) as [number, number, number, number, number];
  const [first, end] = [header + typesAt, header + typesAt + typesSize];
  const [names, namesEnd] = [header + namesAt, header + namesAt + namesSize];
  if (end > bytes.length || namesEnd > bytes.length) return malformed(0, "it is cut short");

  // Type 0 is void and not in the table.
  const places = [0];
  for (let at = first; at < end; ) {
    if (at + typeBytes > end) return malformed(at, "a type is cut short");
    places.push(at);
    const info = view.getUint32(at + 4, true);
    const tail = tailBytes.get((info >>> 24) & 31);
    if (tail === undefined) return malformed(at, `types of kind ${(info >>> 24) & 31} are not known`);
    at += typeBytes + tail[0] + tail[1] * (info & 0xffff);
    if (at > end) return malformed(places.at(-1)!, "a type is cut short");
  }

  const kindOf = (type: number) => (view.getUint32(places[type]! + 4, true) >>> 24) & 31;
  /** The size of a type, or the type that it refers to. */
  const sizeOf = (type: number) => view.getUint32(places[type]! + 8, true);
  const typeOf = (type: number): ReturnType => {
    let one = type;
    for (let steps = 0; one !== 0; steps++) {
      if (one >= places.length || steps > places.length)
        return malformed(places[type] ?? 0, `type ${one} does not exist`);
      if (!lookedThrough.has(kindOf(one))) break;
      one = sizeOf(one);
    }
    if (one === 0) return { kind: "void" };
    switch (kindOf(one)) {
      case kinds.pointer:
        return { kind: "pointer" };
      case kinds.integer: {
        const encoding = (view.getUint32(places[one]! + typeBytes, true) >>> 24) & 15;
        if (encoding & 4) return { kind: "bool" };
        return { kind: "integer", bytes: sizeOf(one), isSigned: (encoding & 1) !== 0 };
      }
      case kinds.enumeration:
      case kinds.enumeration64:
        // Not every compiler records whether an enum has negative members.
        return { kind: "integer", bytes: sizeOf(one), isSigned: true };
      default:
        return { kind: "other" };
    }
  };

  /** By the numbers of types, each of which a file has once; a parameter is a name and a type. */
  const signatureOf = (prototype: number) => {
    const at = places[prototype]!;
    const count = view.getUint32(at + 4, true) & 0xffff;
    const takes = Array.from({ length: count }, (_, index) =>
      view.getUint32(at + typeBytes + 8 * index + 4, true),
    );
    return [sizeOf(prototype), ...takes].join();
  };

  const typesByName = new Map<string, FunctionType[]>();
  for (let type = 1; type < places.length; type++) {
    if (kindOf(type) !== kinds.function) continue;
    const prototype = sizeOf(type);
    if (prototype === 0 || prototype >= places.length || kindOf(prototype) !== kinds.prototype)
      return malformed(places[type]!, "a function has no prototype");
    const at = names + view.getUint32(places[type]!, true);
    const terminator = at < namesEnd ? bytes.indexOf(0, at) : -1;
    if (terminator < 0 || terminator >= namesEnd) return malformed(places[type]!, "a function has no name");
    const name = bytes.toString("utf8", at, terminator);
    const described = {
      returns: typeOf(sizeOf(prototype)),
      parameters: view.getUint32(places[prototype]! + 4, true) & 0xffff,
      signature: signatureOf(prototype),
    };
    const known = typesByName.get(name);
    if (known === undefined) typesByName.set(name, [described]);
    else known.push(described);
  }
  return typesByName;
}
