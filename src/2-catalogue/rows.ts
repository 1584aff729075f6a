// SPDX-License-Identifier: Apache-2.0
/**
 * The catalogue itself: every input section that an x86-64 kernel of 6.1, 6.12 or 7.3 can have. docs/sections.md is made
 * from it.
 *
 * Sources: include/asm-generic/vmlinux.lds.h and arch/x86/kernel/vmlinux.lds.S for the names, include/linux and
 * arch/x86/include for the macros that fill them, tools/objtool for its additions to vmlinux.o, and for each table the
 * code that walks it.
 */

/**
 * The role of a section for the planner.
 * - `plain`: code or data that the compiler or an author placed; can belong to a component and can leave.
 * - `fixed`: stays, because the kernel needs it where it is.
 * - `no-gate`: stays, and its calls cannot go through a gate: it runs where no other code may be called, or with a
 *   calling convention of its own.
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

/** Treatment of a reference from such a section to something that leaves. */
export type Treatment = "nothing" | "gate" | "neutralise" | "refuse";

export interface Row {
  /** Names of sections, separated by spaces; a `*` at the end stands for anything. */
  readonly sections: string;
  readonly role: Role;
  readonly what: string;
  /** When it is used, and by what. */
  readonly used: string;
  readonly treatment: Treatment;
}

const usualTreatment: Record<Role, Treatment> = {
  plain: "gate",
  fixed: "gate",
  "no-gate": "refuse",
  init: "gate",
  patch: "gate",
  calls: "gate",
  describes: "nothing",
  exports: "gate",
  discarded: "nothing",
  unknown: "refuse",
};

const row = (
  sections: string,
  role: Role,
  what: string,
  used: string,
  treatment: Treatment = usualTreatment[role],
): Row => ({ sections, role, what, used, treatment });

export interface Chapter {
  readonly title: string;
  readonly rows: readonly Row[];
}

const text: Chapter = {
  title: "Text",
  rows: [
    row(".text .text.*", "plain", "functions", "always"),
    row(".text..component.*", "plain", "functions that the source names as a component's", "always"),
    row(
      ".text.startup .text.startup._sub_I_*",
      "fixed",
      "constructors",
      "once, from init text; what they are given may be kept (gcov)",
    ),
    row(".text.exit .text.exit._sub_D_*", "fixed", "destructors", "never in built-in code"),
    row(
      ".text..*",
      "no-gate",
      "thunks of indirect calls and returns, reference counting (6.1)",
      "always, with calling conventions of their own",
    ),
    row(
      ".ref.text",
      "fixed",
      "functions that may refer to init code",
      "always; modpost knows them by their section",
    ),
    row(
      ".noinstr.text",
      "no-gate",
      "functions that may not be instrumented",
      "on entry, where nothing else may run",
    ),
    row(
      ".entry.text",
      "no-gate",
      "entry from user space and interrupts",
      "on entry, before the kernel's mapping is there",
    ),
    row(".cpuidle.text", "no-gate", "the idle loop's innermost part", "while RCU does not watch"),
    row(".head.text", "no-gate", "the kernel's first instructions", "before paging is set up"),
    row(".sched.text", "fixed", "the scheduler", "always; wchan leaves it out by its address"),
    row(".spinlock.text", "fixed", "spinning on locks", "always; profiling leaves it out by its address"),
    row(".kprobes.text", "fixed", "what kprobes themselves need", "always; may not be probed"),
    row(".irqentry.text .softirqentry.text", "fixed", "interrupt handlers", "always; stack traces end there"),
    row(".static_call.text", "fixed", "trampolines of static calls", "always; written at run time"),
    row(
      ".altinstr_aux",
      "init",
      "instructions for before alternatives are applied",
      "until apply_alternatives()",
    ),
    row(
      ".altinstr_replacement",
      "patch",
      "instructions for certain processors",
      "copied by apply_alternatives() over what .altinstructions names",
    ),
    row(".xiptext", "fixed", "code that runs from flash", "always"),
    row(".gnu.warning", "discarded", "texts of the linker's warnings", "while linking"),
  ],
};

const init: Chapter = {
  title: "Freed after boot",
  rows: [
    row(".init.text .init.text.*", "init", "functions for booting", "until free_initmem()"),
    row(
      ".init.data .init.data.* init.data* .init.rodata .init.rodata.*",
      "init",
      "data for booting",
      "until free_initmem()",
    ),
    row(".init.scratch", "init", "work area for encrypting the kernel in place", "before start_kernel()"),
    row(
      ".exit.text .exit.data .exit.data.*",
      "init",
      "code and data for unloading",
      "never in built-in code",
    ),
    row(".fini_array .fini_array.* .dtors .dtors.*", "init", "destructors", "never in built-in code"),
    row(".meminit.*", "fixed", "memory hotplug (6.1)", "always, where memory can be added"),
    row(".init.setup", "init", "options of the command line", "parse_args() while booting"),
    row(".initcall*", "init", "functions to call while booting", "once, do_initcalls()"),
    row(".con_initcall.init", "init", "consoles", "once, console_init()"),
    row(".init_array .init_array.* .ctors .ctors.*", "init", "constructors", "once, do_ctors()"),
    row(
      ".init.ramfs .init.ramfs.info .dtb.init.rodata",
      "init",
      "built-in initramfs and device tree",
      "while booting",
    ),
    row(
      ".x86_cpu_dev.init .x86_intel_mid_dev.init",
      "init",
      "kinds of processors and platforms",
      "while booting",
    ),
    row(".lsm_info.init .early_lsm_info.init", "init", "security modules", "while booting"),
    row(
      ".apicdrivers",
      "init",
      "kinds of interrupt controllers",
      "while booting; the chosen one is copied as a pointer",
    ),
    row("___kentry+*", "init", "what a linker must not drop", "never"),
    row("__earlycon_table", "init", "early consoles", "while booting"),
    row("__governor_thermal_table", "init", "governors of thermal zones", "while booting"),
    row(
      "__clk_of_table* __timer_of_table* __irqchip_of_table* __reservedmem_of_table* __cpu_method_of_table* __cpuidle_method_of_table*",
      "init",
      "device tree matches",
      "while booting",
    ),
    row("__irqchip_acpi_probe_table __timer_acpi_probe_table", "init", "ACPI matches", "while booting"),
    row(
      "runtime_shift_* runtime_ptr_* runtime_mask_*",
      "describes",
      "constants in code that are known after boot",
      "patched once by runtime_const_init()",
    ),
    row(".exitcall.exit", "discarded", "functions to call when unloaded", "never in built-in code"),
  ],
};

const describing: Chapter = {
  title: "Tables that describe code",
  rows: [
    row("__bug_table", "describes", "where warnings stand", "find_bug(), by address"),
    row(
      "__ex_table",
      "describes",
      "instructions that may fault, and where they go on",
      "search_extable(), by address; the proof takes the second as a jump of the first",
    ),
    row(
      ".orc_unwind .orc_unwind_ip .orc_header .orc_lookup",
      "describes",
      "stack layouts",
      "the unwinder, by address",
    ),
    row(
      ".altinstructions",
      "describes",
      "which instructions are replaced",
      "once, alternative_instructions()",
    ),
    row(
      ".retpoline_sites .return_sites .call_sites .cfi_sites",
      "describes",
      "calls and returns that are patched",
      "once, alternative_instructions()",
    ),
    row(
      ".ibt_endbr_seal",
      "describes",
      "landing pads that are not needed",
      "once, alternative_instructions()",
    ),
    row(
      ".parainstructions",
      "describes",
      "calls of paravirtual operations (6.1)",
      "once, alternative_instructions()",
    ),
    row(".kcfi_traps", "describes", "checks of indirect calls", "by address, when one fails"),
    row(".smp_locks", "describes", "lock prefixes", "when the second processor comes up", "neutralise"),
    row("__jump_table", "describes", "static branches", "whenever a static key changes", "neutralise"),
    row(".static_call_sites", "describes", "static calls", "whenever a static call changes", "neutralise"),
    row(".static_call_tramp_key", "describes", "which trampoline is whose", "by the module loader"),
    row(
      "__mcount_loc __patchable_function_entries",
      "describes",
      "what the function tracer can patch",
      "while booting, into ftrace's records",
      "neutralise",
    ),
    row(
      "_kprobe_blacklist _error_injection_whitelist",
      "describes",
      "where probes may not go, where errors may come from",
      "while booting, into lists of addresses",
      "neutralise",
    ),
    row(".BTF .BTF_ids", "describes", "types, by number", "by BPF"),
    row(".note .note.*", "describes", "notes", "by boot loaders and /sys/kernel/notes"),
    row("__tracepoints_strings", "describes", "names of tracepoints", "by tracing"),
    row("__ksymtab_strings", "describes", "names of exports", "by the module loader"),
  ],
};

const calling: Chapter = {
  title: "Tables that call or hand out",
  rows: [
    row(
      ".pci_fixup_*",
      "calls",
      "quirks of PCI devices",
      "pci_fixup_device(): while booting, on hotplug, on resume",
    ),
    row(".kunit_test_suites .kunit_init_test_suites", "calls", "test suites", "on request"),
    row("__param", "fixed", "parameters of built-in modules", "/sys/module, at any time"),
    row("__modver __modinfo", "fixed", "versions of built-in modules", "/sys/module, at any time"),
    row("__tracepoints __tracepoints_ptrs", "fixed", "tracepoints", "whenever one is switched"),
    row("_ftrace_events _ftrace_eval_map", "fixed", "trace events", "tracefs, at any time"),
    row("__bpf_raw_tp_map", "fixed", "tracepoints for BPF", "bpf_get_raw_tracepoint(), at any time"),
    row("__syscalls_metadata", "fixed", "arguments of system calls", "tracefs, at any time"),
    row("_ftrace_annotated_branch _ftrace_branch", "fixed", "profiles of branches", "always"),
    row(
      "__trace_printk_fmt __tracepoint_str",
      "fixed",
      "strings for the trace buffer",
      "tracefs, at any time",
    ),
    row(
      "__dyndbg __dyndbg_classes",
      "fixed",
      "messages that can be switched",
      "dynamic_debug/control, at any time",
    ),
    row(".printk_index", "fixed", "formats of messages", "debugfs, at any time"),
    row("alloc_tags", "fixed", "places that allocate memory", "/proc/allocinfo, at any time"),
    row(".builtin_fw", "fixed", "firmware", "by firmware loading, at any time"),
    row(".tracedata", "fixed", "places for resume tracing", "on resume"),
    row(
      "__stop_sched_class __dl_sched_class __rt_sched_class __fair_sched_class __ext_sched_class __idle_sched_class",
      "fixed",
      "scheduling classes",
      "always, in the order of their addresses",
    ),
    row(".vvar*", "fixed", "data of the vDSO", "always, mapped into every process"),
    row(".export_symbol", "exports", "what is exported", "by modpost, which makes __ksymtab of it"),
    row(
      "___ksymtab* ___kcrctab* __ksymtab __ksymtab_gpl __kcrctab __kcrctab_gpl",
      "exports",
      "what is exported",
      "by the module loader, at any time",
    ),
    row(
      "___kflagstab* __kflagstab",
      "exports",
      "which exports are GPL-only (7.3)",
      "by the module loader, at any time",
    ),
  ],
};

const data: Chapter = {
  title: "Data",
  rows: [
    row(".rodata .rodata.* .rodata1", "plain", "constants", "always"),
    row(".rodata..component.*", "plain", "constants that the source names as a component's", "always"),
    row(
      ".rodata..c_jump_table",
      "fixed",
      "jump tables of C code (6.1)",
      "always; objtool knows them by this name",
    ),
    row(".data.rel.ro*", "fixed", "jump tables of C code", "always; objtool knows them by this name"),
    row(".data .data.* .bss .bss.*", "plain", "variables", "always"),
    row(
      ".data..component.* .bss..component.*",
      "plain",
      "variables that the source names as a component's",
      "always",
    ),
    row(
      ".data..read_mostly* .data..cacheline_aligned*",
      "plain",
      "variables that lie among their like; those of an object are one unit",
      "always",
    ),
    row(
      ".data..L* .data..compoundliteral* .bss..L* .bss..compoundliteral*",
      "plain",
      "variables without a name",
      "always",
    ),
    row(
      ".data..* .bss..*",
      "fixed",
      "what has a place of its own in the image: constants of after boot (ro_after_init), whole pages, flags of what happens once",
      "always",
    ),
    row(
      ".data.once .data.unlikely",
      "fixed",
      "flags of what happens once (6.1)",
      "always; debugfs sets them back by their place",
    ),
    row(
      ".data.__SCK__*",
      "fixed",
      "keys of static calls",
      "always; objtool finds them by name and makes .static_call_sites refer to them",
    ),
    row(".data..percpu*", "fixed", "variables that every processor has", "copied for each, found by offset"),
    row(".bss..percpu*", "fixed", "variables that every processor has", "copied for each, found by offset"),
    row(
      ".ref.data .ref.rodata",
      "fixed",
      "data that may refer to init code",
      "always; modpost knows it by its section",
    ),
    row(
      ".sbss .sbss.* .dynsbss .dynbss .scommon COMMON",
      "fixed",
      "variables that other processors keep apart",
      "not on x86-64",
    ),
    row(".lbss* .ldata* .lrodata*", "fixed", "data of the large memory model", "not in a kernel"),
  ],
};

const nowhere: Chapter = {
  title: "Not in the loaded kernel",
  rows: [
    row(".discard .discard.*", "discarded", "for objtool, modpost and the compiler", "while building"),
    row(
      ".modinfo",
      "discarded",
      "licences, authors, aliases",
      "while building, into modules.builtin.modinfo",
    ),
    row(
      ".no_trim_symbol __tracepoint_check .klp.symid .llvm_bb_addr_map",
      "discarded",
      "for modpost, for the check for unused tracepoints, for live patches, for profiles (7.3)",
      "while building",
    ),
    row(
      ".comment .eh_frame* .debug* .line .stab* .gnu.linkonce.* .gnu.version* .gnu.attributes",
      "discarded",
      "for debuggers",
      "never",
    ),
    row(".symtab* .strtab .shstrtab", "discarded", "symbols", "while linking"),
    row(".rel.* .rel_* .rela.* .rela_*", "discarded", "relocations", "while linking"),
    row(
      ".got .got.plt .plt .plt.* .igot.* .iplt",
      "discarded",
      "indirections of shared objects",
      "empty in a kernel",
    ),
    row(".__restore_ph", "discarded", "nothing; ends the list of notes", "while linking"),
  ],
};

/** If two rows fit a name, the one with the longer name counts. */
export const chapters: readonly Chapter[] = [text, init, describing, calling, data, nowhere];
