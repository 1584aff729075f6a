// SPDX-License-Identifier: Apache-2.0
/** The sections of Linux 6.1.192, from Debian's package linux-source-6.1; read by src/kernel/sourceSections.ts. */

/** Input sections in arch/x86/kernel/vmlinux.lds.S and include/asm-generic/vmlinux.lds.h. */
export const linkerPatterns61 = `
  .BTF .BTF_ids .__restore_ph .altinstr_aux .altinstr_replacement .altinstructions .apicdrivers .bss
  .bss..L* .bss..brk .bss..compoundliteral* .bss..decrypted .bss..page_aligned .bss.[0-9a-zA-Z_]*
  .builtin_fw .comment .con_initcall.init .cpuidle.text .ctors .ctors.* .data .data.$L* .data.$__unnamed_*
  .data..L* .data..cacheline_aligned .data..compoundliteral* .data..decrypted .data..init_task
  .data..init_thread_info .data..nosave .data..page_aligned .data..percpu .data..percpu..decrypted
  .data..percpu..first .data..percpu..page_aligned .data..percpu..read_mostly .data..percpu..shared_aligned
  .data..read_mostly .data..ro_after_init .data..shared_aligned .data.[0-9a-zA-Z_]* .data.once .data.rel.ro*
  .data.unlikely .debug .debug_abbrev .debug_addr .debug_aranges .debug_frame .debug_funcnames
  .debug_gnu_pubnames .debug_gnu_pubtypes .debug_info .debug_line .debug_line_str .debug_loc .debug_loclists
  .debug_macinfo .debug_macro .debug_names .debug_pubnames .debug_pubtypes .debug_ranges .debug_rnglists
  .debug_sfnames .debug_srcinfo .debug_str .debug_str_offsets .debug_typenames .debug_types .debug_varnames
  .debug_weaknames .discard .discard.* .dtb.init.rodata .dtors .dtors.* .early_lsm_info.init .eh_frame
  .entry.text .exit.data .exit.data.* .exit.text .exitcall.exit .fini_array .fini_array.* .gnu.linkonce.wi.*
  .gnu.version* .gnu.warning .got .got.plt .head.text .ibt_endbr_seal .igot.* .init.data .init.ramfs
  .init.ramfs.info .init.rodata .init.rodata.* .init.scratch .init.setup .init.text .init.text.* .init_array
  .init_array.* .initcall0.init .initcall0s.init .initcall1.init .initcall1s.init .initcall2.init
  .initcall2s.init .initcall3.init .initcall3s.init .initcall4.init .initcall4s.init .initcall5.init
  .initcall5s.init .initcall6.init .initcall6s.init .initcall7.init .initcall7s.init .initcallearly.init
  .initcallrootfs.init .initcallrootfss.init .iplt .kcfi_traps .kprobes.text .kunit_test_suites .line
  .lsm_info.init .meminit.data* .meminit.rodata .meminit.text* .modinfo .noinstr.text .note.*
  .note.GNU-stack .orc_unwind .orc_unwind_ip .parainstructions .pci_fixup_early .pci_fixup_enable
  .pci_fixup_final .pci_fixup_header .pci_fixup_resume .pci_fixup_resume_early .pci_fixup_suspend
  .pci_fixup_suspend_late .plt .plt.* .printk_index .ref.data .ref.rodata .ref.text .rel.* .rel_* .rela.*
  .rela_* .retpoline_sites .return_sites .rodata .rodata.* .rodata1 .sched.text .shstrtab .smp_locks
  .softirqentry.text .spinlock.text .stab .stab.excl .stab.exclstr .stab.index .stab.indexstr .stabstr
  .static_call.text .static_call_sites .static_call_tramp_key .strtab .symtab .text
  .text..__x86.indirect_thunk .text..__x86.rethunk_safe .text..__x86.rethunk_untrain
  .text..__x86.return_thunk .text..refcount .text.[0-9a-zA-Z_]* .text.asan.* .text.exit .text.fixup
  .text.hot .text.hot.* .text.startup .text.tsan.* .text.unknown .text.unknown.* .text.unlikely
  .text.unlikely.* .tracedata .vvar__vdso_data .x86_cpu_dev.init .x86_intel_mid_dev.init .xiptext
  ___kcrctab+* ___kcrctab_gpl+* ___kentry+* ___ksymtab+* ___ksymtab_gpl+* __bpf_raw_tp_map __bug_table
  __clk_of_table __clk_of_table_end __cpu_method_of_table __cpu_method_of_table_end
  __cpuidle_method_of_table __cpuidle_method_of_table_end __dl_sched_class __dyndbg __dyndbg_classes
  __earlycon_table __ex_table __fair_sched_class __governor_thermal_table __idle_sched_class
  __irqchip_acpi_probe_table __irqchip_of_table __irqchip_of_table_end __jump_table __ksymtab_strings
  __mcount_loc __modver __param __patchable_function_entries __reservedmem_of_table
  __reservedmem_of_table_end __rt_sched_class __stop_sched_class __syscalls_metadata
  __timer_acpi_probe_table __timer_of_table __timer_of_table_end __trace_printk_fmt __tracepoint_str
  __tracepoints __tracepoints_ptrs __tracepoints_strings _error_injection_whitelist _ftrace_annotated_branch
  _ftrace_branch _ftrace_eval_map _ftrace_events _kprobe_blacklist init.data.*
`
  .trim()
  .split(/\s+/);

/** Sections that headers below include and arch/x86/include name beyond these. */
export const attributes61 = `
  .discard.addressable .discard.func_stack_frame_non_standard .discard.ibt_endbr_noseal .discard.ignore_alts
  .discard.instr_begin .discard.instr_end .discard.ksym .discard.noendbr .discard.reachable
  .discard.retpoline_safe .discard.unreachable .discard.unwind_hints .irqentry.text .meminit.data
  .meminit.text .note.name .rodata..c_jump_table ___kcrctab ___ksymtab
`
  .trim()
  .split(/\s+/);
