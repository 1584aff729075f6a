// SPDX-License-Identifier: Apache-2.0
/**
 * A link of as many objects as one likes, with a thousand relocations each. A few are assembled; the others are copies of
 * them under other names, in which other symbols are named: so they take seconds to make, and are what an assembler made.
 *
 * Every hundredth object is a component's. Every object calls its own functions, those of two others, and one of the
 * component's, which therefore get gates, so that every object has to be rewritten.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeThinArchive } from "../src/elf/archive.js";

const templates = 16;
const functions = 40;
const component = 100;

/** Stand for object numbers of five digits: its own, those of two others, and one of the component's. */
const marks = ["oAAAAA", "oBBBBB", "oCCCCC", "oDDDDD"] as const;
const markOf = { own: marks[0], first: marks[1], second: marks[2], component: marks[3] };

function source(template: number): string {
  const { own, first, second } = markOf;
  const lines = [
    `.file "${own}.c"`,
    // Nothing refers to it, so it and all that it reaches is resident.
    `.section .text.${own}_root, "ax", @progbits`,
    `.type ${own}_root, @function`,
    `${own}_root:`,
    ...Array.from({ length: functions }, (_, index) => `call ${own}_f${index}`),
    ...["ret", `.size ${own}_root, . - ${own}_root`],
  ];
  for (let index = 0; index < functions; index++) {
    const name = `${own}_f${index}`;
    const other = (step: number) => (index * 7 + step * 3 + template) % functions;
    lines.push(
      ...[
        `.section .text.${name}, "ax", @progbits`,
        `.globl ${name}`,
        `.type ${name}, @function`,
        `${name}:`,
      ],
      ...Array.from({ length: 7 }, (_, step) => `call ${own}_f${other(step)}`),
      ...Array.from({ length: 5 }, (_, step) => `call ${first}_f${other(step)}`),
      ...Array.from({ length: 4 }, (_, step) => `call ${second}_f${other(step)}`),
      `call ${markOf.component}_f${index}`,
      ...[
        `movl ${own}_b${index}(%rip), %eax`,
        `leaq ${own}_d${index}(%rip), %rdi`,
        `movq $.LC${index}, %rsi`,
      ],
      ...[`.skip ${1 + ((template * 5 + index) % 60)}, 0x90`, "ret", `.size ${name}, . - ${name}`],
      ...[`.section .rodata.${name}.str1.1, "aMS", @progbits, 1`, `.LC${index}: .asciz "${name}: a message"`],
      ...[
        `.section .data.${own}_d${index}, "aw"`,
        `.globl ${own}_d${index}`,
        `.type ${own}_d${index}, @object`,
      ],
      ...[
        `${own}_d${index}:`,
        `.quad ${own}_f${other(1)}, ${first}_f${other(2)}, ${own}_b${index}`,
        ".quad 0",
      ],
      ...[`.size ${own}_d${index}, 32`, `.section .bss.${own}_b${index}, "aw", @nobits`],
      ...[`.globl ${own}_b${index}`, `.type ${own}_b${index}, @object`, `${own}_b${index}: .zero 8`],
      `.size ${own}_b${index}, 8`,
    );
  }
  return `${lines.join("\n")}\n`;
}

export const manifest = `
components:
  many:
    title: Every hundredth object
    code: [{ objects: "part/00/**" }]
    inUse: { nonZero: o00000_b0 }
    canAppear: never
    gates: { "o*": void }
`;

/** Makes `vmlinux.a` of that many objects, and beside it what `jettison ld` needs besides. */
export function makeManyObjects(folder: string, count: number): void {
  const made = Array.from({ length: templates }, (_, template) => {
    writeFileSync(join(folder, "template.s"), source(template));
    execFileSync("as", ["-o", "template.o", "template.s"], { cwd: folder });
    const bytes = readFileSync(join(folder, "template.o"));
    const places = marks.map((mark) => {
      const found: number[] = [];
      for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) found.push(at);
      return found;
    });
    return { bytes, places };
  });
  const members: { path: string; size: number }[] = [];
  for (let index = 0; index < count; index++) {
    const { bytes, places } = made[index % templates]!;
    const numbers = [
      index,
      (index * 7 + 1) % count,
      (index * 13 + 5) % count,
      component * (index % Math.ceil(count / component)),
    ];
    const copy = Buffer.from(bytes);
    places.forEach((found, mark) => {
      const digits = String(numbers[mark]).padStart(5, "0");
      for (const at of found) copy.write(digits, at + 1, "latin1");
    });
    const part = join(folder, "part", String(index % component).padStart(2, "0"));
    mkdirSync(part, { recursive: true });
    const path = join(part, `o${String(index).padStart(5, "0")}.o`);
    writeFileSync(path, copy);
    members.push({ path, size: copy.byteLength });
  }
  mkdirSync(join(folder, "kernel/jettison"), { recursive: true });
  mkdirSync(join(folder, "include/linux"), { recursive: true });
  writeFileSync(
    join(folder, "include/linux/linkage.h"),
    `#define SYM_FUNC_START(name) .globl name; .balign 16; name:
#define SYM_FUNC_END(name) .type name, @function; .size name, . - name
#define SYM_DATA_START(name) .globl name; name:
#define SYM_DATA_END(name) .type name, @object; .size name, . - name
`,
  );
  const tables = "kernel/jettison/tables";
  const assemble = `gcc -Iinclude -c -o ${tables}.o ${tables}.S`;
  writeFileSync(join(folder, `${tables}.S`), ".text\n");
  writeFileSync(join(folder, "kernel/jettison/.tables.o.cmd"), `savedcmd_${tables}.o := ${assemble}\n`);
  execFileSync("sh", ["-c", assemble], { cwd: folder });
  const path = join(folder, `${tables}.o`);
  members.push({ path, size: readFileSync(path).byteLength });
  writeFileSync(join(folder, "components.yaml"), manifest);
  // Names are relative to the archive's folder, as kbuild's are.
  const named = members.map(({ path: file, size }) => ({ path: file.slice(folder.length + 1), size }));
  writeFileSync(join(folder, "vmlinux.a"), writeThinArchive("vmlinux.a", named));
}
