// SPDX-License-Identifier: Apache-2.0
/**
 * The catalogue of kernel sections: for every allocated input section what it is and what a reference out of
 * it means. It is data; the first row whose pattern matches a section's name counts, and a section that no
 * row knows is unknown: it stays, and it refuses any component that it refers to.
 *
 * Sources: include/asm-generic/vmlinux.lds.h, arch/x86/kernel/vmlinux.lds.S, tools/objtool, and for each table
 * the code that walks it.
 */
import { sectionFlag, sectionType } from "../elf/format.js";
import type { Section } from "../elf/object.js";

/**
 * - `plain`: code or data that the compiler or an author placed; can belong to a component and can leave.
 * - `fixed`: stays, because the kernel needs it where it is.
 * - `no-gate`: stays, and its calls cannot go through a gate: it runs where no other code may be called, or
 *   with a calling convention of its own.
 * - `init`: freed by the kernel after boot. A direct call from it is over by then; what it stored is not.
 * - `patch`: freed after boot, but its instructions were copied into text that stays.
 * - `calls`: a table whose entries are called or handed out later.
 * - `describes`: a table about code; its entries must keep the real address and are never called.
 * - `exports`: names what modules may use.
 * - `discarded`: leaves no bytes in the kernel.
 * - `unknown`.
 */
export type Role =
  | "plain"
  | "fixed"
  | "no-gate"
  | "init"
  | "patch"
  | "calls"
  | "describes"
  | "exports"
  | "discarded"
  | "unknown";

interface Row {
  readonly pattern: RegExp;
  readonly role: Role;
  readonly why: string;
}

const row = (pattern: RegExp, role: Role, why: string): Row => ({ pattern, role, why });

export const catalogue: readonly Row[] = [
  // Text
  row(/^\.text\.(startup|exit)$/, "init", "init and exit text by the kernel's linker script"),
  row(/^\.text\.\./, "no-gate", "thunks with a calling convention of their own"),
  row(/^\.text(\.|$)/, "plain", "functions"),
  row(/^\.ref\.text$/, "fixed", "may refer to init code, which modpost allows it by its section"),
  row(/^\.(noinstr|entry|cpuidle)\.text$/, "no-gate", "runs where no instrumented code may be called"),
  row(/^\.head\.text$/, "no-gate", "the kernel's first instructions"),
  row(/^\.(sched|spinlock|kprobes|irqentry|softirqentry)\.text$/, "fixed", "found by its address range"),
  row(/^\.static_call\.text$/, "fixed", "trampolines of static calls, written at run time"),
  row(/^\.altinstr_replacement$/, "patch", "copied by apply_alternatives() over what .altinstructions names"),
  row(/^\.altinstr_aux$/, "init", "runs until alternatives are applied"),
  // Init
  row(/^\.(init|exit)\.(text|data|rodata)(\.|$)/, "init", "freed by free_initmem()"),
  row(/^\.meminit\./, "fixed", "stays with memory hotplug"),
  row(/^\.(con_)?initcall[a-z0-9]*\.init$/, "init", "walked once by do_initcalls()"),
  row(/^\.init\.(setup|ramfs|ramfs\.info)$/, "init", "read while booting"),
  row(/^\.(x86_cpu_dev|x86_intel_mid_dev|early_lsm_info|lsm_info)\.init$/, "init", "read while booting"),
  row(/^\.init_array|^\.ctors/, "init", "called once by do_ctors()"),
  row(/^\.apicdrivers$/, "init", "walked while booting; the chosen driver is copied as a pointer"),
  row(/^\.exitcall\.exit$/, "discarded", "built-in code never exits"),
  row(/^___kentry\+/, "init", "read while booting"),
  row(
    /^__(earlycon|governor_thermal|clk_of|timer_of|irqchip_of|cpuidle_method_of|cpu_method_of|reservedmem_of)_table/,
    "init",
    "read while booting",
  ),
  row(/^__(irqchip|timer)_acpi_probe_table$/, "init", "read while booting"),
  row(/^\.kunit_(init_)?test_suites$/, "calls", "suites run on request"),
  row(/^runtime_(shift|ptr)_/, "describes", "patched once by runtime_const_init()"),
  // Tables that describe code
  row(/^__bug_table$/, "describes", "looked up by address in find_bug()"),
  row(/^__ex_table$/, "describes", "looked up by address in search_extable()"),
  row(/^\.orc_(unwind|unwind_ip|header|lookup)$/, "describes", "looked up by address by the unwinder"),
  row(/^\.altinstructions$/, "describes", "applied once in alternative_instructions()"),
  row(/^\.smp_locks$/, "describes", "lock prefixes; neutralised at boot where the table stays"),
  row(/^\.(retpoline|return|call|cfi)_sites$/, "describes", "applied once in alternative_instructions()"),
  row(/^\.ibt_endbr_seal$/, "describes", "applied once in alternative_instructions()"),
  row(/^\.parainstructions$/, "describes", "applied once in alternative_instructions()"),
  row(/^__jump_table$/, "describes", "jump labels; neutralised at boot"),
  row(/^\.static_call_(sites|tramp_key)$/, "describes", "static calls; neutralised at boot"),
  row(/^__(mcount_loc|patchable_function_entries)$/, "describes", "ftrace records; neutralised at boot"),
  row(/^_(kprobe_blacklist|error_injection_whitelist)$/, "describes", "addresses that probes ask for"),
  row(/^\.kcfi_traps$/, "describes", "looked up by address"),
  row(/^\.printk_index$/, "describes", "formats of messages"),
  row(/^\.(BTF|BTF_ids)$/, "describes", "types, by number"),
  row(/^\.note(\.|$)/, "describes", "notes"),
  row(/^__trace_printk_fmt$|^__tracepoint_str$|^__tracepoints_strings$/, "describes", "strings"),
  row(/^__(dyndbg|dyndbg_classes|param|modver|modinfo)$/, "fixed", "found by its section's bounds"),
  row(/^\.modinfo$/, "discarded", "strings for the build"),
  // Tables that call or hand out
  row(/^\.pci_fixup_/, "calls", "run again on hotplug and resume by pci_fixup_device()"),
  row(/^__tracepoints(_ptrs)?$/, "fixed", "found by its section's bounds"),
  row(/^_ftrace_(events|eval_map|annotated_branch|branch)$/, "fixed", "found by its section's bounds"),
  row(/^__(bpf_raw_tp_map|syscalls_metadata)$/, "fixed", "found by its section's bounds"),
  row(/^\.(builtin_fw|tracedata)$/, "fixed", "found by its section's bounds"),
  row(/^__(stop|dl|rt|fair|ext|idle)_sched_class$/, "fixed", "ordered by the linker script"),
  row(/^\.vvar/, "fixed", "mapped into every process"),
  // Exports
  row(/^\.export_symbol$/, "exports", "turned into __ksymtab by modpost"),
  row(/^___(ksymtab|kcrctab)(_gpl)?\+/, "exports", "looked up by the module loader"),
  row(/^__ksymtab_strings$/, "describes", "names of exports"),
  row(/^\.discard(\.|$)/, "discarded", "for objtool and the compiler"),
  // Data
  row(/^\.rodata(\.|$)/, "plain", "constants"),
  row(/^\.data\.rel\.ro/, "fixed", "jump tables that objtool must find where they are"),
  row(/^\.(data|bss)\.\.percpu/, "fixed", "copied for every CPU"),
  row(
    /^\.data\.\.(page_aligned|init_task|init_thread_info|nosave|decrypted)|^\.bss\.\.(page_aligned|decrypted|brk)/,
    "fixed",
    "placed by the linker script",
  ),
  row(/^\.(data|bss)(\.|$)/, "plain", "variables"),
  row(/^\.ref\.(data|rodata)$/, "fixed", "may refer to init code, which modpost allows it by its section"),
  row(/^\.comment$|^\.eh_frame/, "discarded", "not loaded"),
];

export function roleOf(section: Section): Role {
  if (section.size === 0) return "fixed"; // nothing can lie in it
  const found = catalogue.find(({ pattern }) => pattern.test(section.name));
  return found?.role ?? "unknown";
}

export type Kind = "text" | "rodata" | "data" | "bss";

/** What a section is to the memory manager. */
export function kindOfSection(section: Section): Kind {
  if (section.flags & sectionFlag.execute) return "text";
  if (!(section.flags & sectionFlag.write)) return "rodata";
  return section.type === sectionType.nobits ? "bss" : "data";
}
