// SPDX-License-Identifier: Apache-2.0
/** Violations of the invariant as assembly: each leads from `planted` into a region. */

export const everywhere = "object image finished bare";
/** A field that is PC-relative in data leaves no trace in a finished image. */
const whileLinking = "object image";

export const inText = (code: string) =>
  `.text\n.globl planted\n.type planted, @function\nplanted:\n${code}\n.size planted, . - planted`;
export const inSection = (section: string, flags: string, data: string) =>
  `.section ${section}, "${flags}"\n.balign 8\n.type planted, @object\nplanted:\n${data}\n.size planted, . - planted`;
export const pointer = ".quad gadget_work";
const relative = ".long gadget_work - .";
const gate = "jettison_gate_gadget_work";
/** The jump to the function: cmpb and jne come before. */
const inGate = `${gate} + 9`;
const initText = '.section .init.text, "ax"';

interface Case {
  readonly what: string;
  readonly assembly: string;
  /** Which forms of the proof find it. */
  readonly found?: string;
  /** How many violations it makes, where not one. */
  readonly count?: number;
  /** The names of both ends, if not `planted` and `gadget_work`. */
  readonly from?: RegExp;
  readonly to?: RegExp;
}

export const planted: readonly Case[] = [
  // Code
  { what: "a call", assembly: inText("call gadget_work\nret") },
  { what: "a tail jump", assembly: inText("jmp gadget_work") },
  { what: "a conditional jump", assembly: inText("test %eax, %eax\nje gadget_work\nret") },
  { what: "the fallback of a transaction", assembly: inText("xbegin gadget_work\nret") },
  { what: "a call into the middle of a function", assembly: inText("call gadget_work + 5\nret") },
  {
    what: "a jump just before a function",
    assembly: inText("jmp gadget_work - 1"),
    to: /jettison\.00|region 00/,
  },
  { what: "an address, PC-relative", assembly: inText("lea gadget_work(%rip), %rax\nret") },
  { what: "an address, 32 bits", assembly: inText("mov $gadget_work, %rax\nret") },
  { what: "an address, 64 bits", assembly: inText("movabs $gadget_work, %rax\nret") },
  { what: "an address on the stack", assembly: inText("push $gadget_work\nret") },
  { what: "an address stored in memory", assembly: inText("movq $gadget_work, resident_value(%rip)\nret") },
  { what: "a load, PC-relative", assembly: inText("mov gadget_work(%rip), %eax\nret") },
  { what: "a load, absolute", assembly: inText("mov gadget_work, %eax\nret") },
  { what: "a load from the accumulator's address", assembly: inText("movabs gadget_work, %eax\nret") },
  { what: "an index into code", assembly: inText("mov gadget_work(,%rcx,8), %eax\nret") },
  { what: "a comparison with a trailing immediate", assembly: inText("cmpl $7, gadget_work(%rip)\nret") },
  { what: "an indirect call through code", assembly: inText("call *gadget_work(%rip)\nret") },
  {
    what: "an address outside of the function that it means",
    assembly: inText("lea gadget_work - 4000(%rip), %rax\nret"),
    found: whileLinking,
  },
  {
    what: "a call from code that may call nothing",
    assembly: inText("call gadget_work\nret").replace(".text", '.section .noinstr.text, "ax"'),
  },
  {
    what: "a call of a gate from code that may call nothing",
    assembly: inText("call jettison_gate_gadget_work\nret").replace(".text", '.section .noinstr.text, "ax"'),
    found: "object",
  },
  {
    what: "a call of a gate that is patched into code that may call nothing",
    assembly: `${inText("1: nop\nnop\nnop\nnop\nnop\n2: ret").replace(".text", '.section .noinstr.text, "ax"')}
      .section .altinstructions, "a"
      .long 1b - ., 3f - .
      .word 0, 0
      .byte 5, 5
      .section .altinstr_replacement, "ax"
      3: call jettison_gate_gadget_work`,
    found: "object",
    from: /altinstr_replacement/,
  },
  {
    what: "a call from an entry",
    assembly: inText("call gadget_work\nret").replace(".text", '.section .entry.text, "ax"'),
  },
  {
    what: "a call from what may refer to init code",
    assembly: inText("call gadget_work\nret").replace(".text", '.section .ref.text, "ax"'),
  },
  {
    what: "init code that stores an address",
    assembly: inText("lea gadget_work(%rip), %rax\nmov %rax, resident_value(%rip)\nret").replace(
      ".text",
      '.section .init.text, "ax"',
    ),
  },
  {
    what: "init code that stores an address as a number",
    assembly: inText("movq $gadget_work, resident_value(%rip)\nret").replace(
      ".text",
      '.section .init.text, "ax"',
    ),
  },
  {
    what: "an instruction that a replacement brings in",
    assembly: `${inText("1: nop\nnop\nnop\nnop\nnop\n2: ret")}
      .section .altinstructions, "a"
      .long 1b - ., 3f - .
      .word 0, 0
      .byte 5, 5
      .section .altinstr_replacement, "ax"
      3: call gadget_work`,
    from: /altinstr_replacement/,
  },
  {
    what: "a place that an exception goes on at",
    assembly: `${inText("1: nop\nret")}
      .section __ex_table, "a"
      .long 1b - ., gadget_work - ., 0`,
    from: /__ex_table|planted/,
  },
  {
    what: "a place that a static branch jumps to",
    assembly: `${inText("1: nop\nret")}
      .section __jump_table, "aw"
      .long 1b - ., gadget_work - .
      .quad resident_value - .`,
    from: /__jump_table|planted/,
  },
  {
    what: "one replacement that is copied into code that stays and into init code",
    assembly: `${inText("1: nop\nnop\nnop\nnop\nnop\n2: ret")}
      .section .init.text, "ax"
      4: nop\nnop\nnop\nnop\nnop
      .section .altinstructions, "a"
      .long 1b - ., 3f - .
      .word 0, 0
      .byte 5, 5
      .long 4b - ., 3f - .
      .word 0, 0
      .byte 5, 5
      .section .altinstr_replacement, "ax"
      3: call gadget_work`,
    from: /altinstr_replacement/,
  },
  {
    what: "code behind the end of a replacement",
    assembly: `.section .init.text, "ax"\n1: nop\nnop\nnop\nnop\nnop
      .section .altinstructions, "a"
      .long 1b - ., 3f - .
      .word 0, 0
      .byte 1, 1
      .section .altinstr_replacement, "ax"
      3: nop
      call gadget_work`,
    from: /altinstr_replacement/,
  },
  // Past the test of a gate's flag
  ...[
    { what: "a call", assembly: inText(`call ${inGate}\nret`) },
    { what: "a conditional jump", assembly: inText(`je ${inGate}\nret`) },
    { what: "an address, PC-relative", assembly: inText(`lea ${inGate}(%rip), %rax\nret`) },
    { what: "an address, 32 bits", assembly: inText(`mov $${inGate}, %rax\nret`) },
    { what: "a pointer", assembly: inSection(".data", "aw", `.quad ${inGate}`) },
    { what: "a call by init code", assembly: inText(`call ${inGate}\nret`).replace(".text", initText) },
  ].map(({ what, assembly }) => ({ what: `${what} into a gate`, assembly, to: /jettison_gate_gadget_work/ })),
  {
    what: "a replacement that is copied into a gate",
    assembly: `.section .altinstructions, "a"
      .long jettison_gate_gadget_work - ., 3f - .
      .word 0, 0
      .byte 5, 5
      .section .altinstr_replacement, "ax"
      3: call gadget_work`,
    count: 2,
    from: /altinstr/,
    to: /gadget_work/,
  },
  {
    what: "a static branch in a gate",
    assembly: `.section __jump_table, "aw"
      .long jettison_gate_gadget_work - ., gadget_work - .
      .quad resident_value - .`,
    count: 2,
    from: /__jump_table|jettison_gate_gadget_work|\.rodata/,
    to: /gadget_work/,
  },
  // The kernel changes code by these.
  {
    what: "a gate whose test is replaced",
    assembly: `.section .altinstructions, "a"
      .long jettison_gate_gadget_work - ., 3f - .
      .word 0, 0
      .byte 9, 9
      .section .altinstr_replacement, "ax"
      3: .skip 9, 0x90`,
    from: /altinstructions/,
    to: /jettison_gate_gadget_work/,
  },
  ...[
    [
      "a static branch",
      "__jump_table",
      `.long ${gate} - ., resident - .\n.quad resident_value - .`,
      everywhere,
    ],
    ["a static call", ".static_call_sites", `.long ${gate} - ., resident_value - .`, everywhere],
    ["a record of the tracer", "__mcount_loc", `.quad ${gate}`, everywhere],
    ["a lock prefix", ".smp_locks", `.long ${gate} - .`, whileLinking],
    ["a call that is patched", ".call_sites", `.long ${gate} - .`, "object"],
  ].map(([what, section, data, found]) => ({
    what: `${what} in the place of a gate`,
    assembly: inSection(section!, "aw", data!),
    found: found!,
    from: /planted|__jump_table/,
    to: /jettison_gate_gadget_work/,
  })),
  // Numbers that look like operands: what stands before the field is an immediate's opcode.
  ...[
    "sub $(gadget_work - .), %eax",
    "sub $(gadget_work - .), %rcx",
    "imul $(gadget_work - .), %eax, %ebp",
  ].map((code) => ({
    what: `init code with a distance as a number: ${code}`,
    assembly: inText(`${code}\nret`).replace(".text", initText),
    found: whileLinking,
  })),
  // Data
  { what: "a pointer in data", assembly: inSection(".data", "aw", pointer) },
  { what: "a pointer in constants", assembly: inSection(".rodata", "a", pointer) },
  {
    what: "a pointer in what is read-only after init",
    assembly: inSection(".data..ro_after_init", "aw", pointer),
  },
  { what: "a pointer in what is mostly read", assembly: inSection(".data..read_mostly", "aw", pointer) },
  { what: "a pointer in data that may refer to init code", assembly: inSection(".ref.data", "aw", pointer) },
  {
    what: "a pointer that is not aligned",
    assembly: inSection(".data", "aw", `.byte 0\n${pointer}`),
    found: "object image finished",
  },
  { what: "a pointer in per-CPU data", assembly: inSection(".data..percpu", "aw", pointer) },
  { what: "a pointer in init data", assembly: inSection(".init.data", "aw", pointer) },
  { what: "a pointer to the middle of a function", assembly: inSection(".data", "aw", `${pointer} + 7`) },
  { what: "a distance in data", assembly: inSection(".data", "aw", relative), found: whileLinking },
  {
    what: "a distance of 64 bits in data",
    assembly: inSection(".data", "aw", ".quad gadget_work - ."),
    found: whileLinking,
  },
  // Tables that call or hand out
  {
    what: "a PCI fixup",
    assembly: inSection(".pci_fixup_final", "a", `.balign 16\n.short 1, 2, 3, 4, 5, 6\n${relative}`),
  },
  { what: "an initcall", assembly: inSection(".initcall6.init", "a", relative) },
  { what: "a console initcall", assembly: inSection(".con_initcall.init", "a", relative) },
  { what: "a setup entry", assembly: inSection(".init.setup", "aw", pointer) },
  { what: "a tracepoint", assembly: inSection("__tracepoints", "aw", pointer) },
  { what: "a list of tracepoints", assembly: inSection("__tracepoints_ptrs", "a", relative) },
  { what: "a BPF raw tracepoint", assembly: inSection("__bpf_raw_tp_map", "aw", pointer) },
  { what: "a trace event", assembly: inSection("_ftrace_events", "aw", pointer) },
  { what: "a parameter", assembly: inSection("__param", "a", pointer) },
  { what: "an APIC driver", assembly: inSection(".apicdrivers", "aw", pointer) },
  { what: "a test suite", assembly: inSection(".kunit_test_suites", "aw", pointer) },
  {
    what: "a key of a static call",
    assembly: inSection(".static_call_tramp_key", "a", relative),
    found: whileLinking,
  },
  { what: "an export beside its gate", assembly: inSection("___ksymtab+gadget_work", "a", relative) },
  { what: "a GPL export beside its gate", assembly: inSection("___ksymtab_gpl+gadget_work", "a", relative) },
  {
    what: "a pointer in a section that is called like one that is left out",
    assembly: inSection(".discardless", "aw", pointer),
  },
  { what: "a section that nobody knows", assembly: inSection(".mystery", "a", pointer) },
];
