// SPDX-License-Identifier: Apache-2.0
/**
 * The one catalogue of all diagnostics: a code, the fields it needs, a sentence that states the problem and one that
 * states the remedy. Tests assert codes, never prose.
 */

interface Entry<Fields> {
  /** 1: a check failed. 2: wrong use or unusable input. */
  exit: 1 | 2;
  wrong: (fields: Fields) => string;
  todo: (fields: Fields) => string;
}

function entry<Fields>(
  exit: 1 | 2,
  wrong: (fields: Fields) => string,
  todo: (fields: Fields) => string,
): Entry<Fields> {
  return { exit, wrong, todo };
}

const hex = (value: number) => `0x${value.toString(16)}`;

/** `drivers/iommu/amd/init.o:(.text.foo)+0x1c`, the form in which GNU ld names a place. */
export function formatPlace(file: string, section?: string, offset?: number): string {
  return `${file}${section === undefined ? "" : `:(${section})`}${offset === undefined ? "" : `+${hex(offset)}`}`;
}

const near = (names: readonly string[]) => (names.length > 0 ? ` Nearest: ${names.join(", ")}.` : "");

export const catalogue = {
  "file-unreadable": entry(
    2,
    (f: { file: string; cause: string }) => `${f.file} cannot be read: ${f.cause}.`,
    () => "Check the path and its permissions.",
  ),
  "elf-truncated": entry(
    2,
    (f: { file: string; what: string; offset: number; end: number; size: number }) =>
      `${f.file}: ${f.what} at ${hex(f.offset)} ends at ${hex(f.end)}, past the file's ${hex(f.size)} bytes.`,
    () => "The object is truncated or damaged: build it again.",
  ),
  "elf-unsupported": entry(
    2,
    (f: { file: string; what: string }) => `${f.file}: ${f.what}.`,
    () => "Jettison reads relocatable 64-bit little-endian x86-64 ELF objects.",
  ),
  "elf-malformed": entry(
    2,
    (f: { file: string; section?: string; offset?: number; what: string }) =>
      `${formatPlace(f.file, f.section, f.offset)}: ${f.what}.`,
    () => "The object is damaged: build it again.",
  ),
  "relocation-unknown": entry(
    2,
    (f: { file: string; section: string; offset: number; type: number; symbol: string }) =>
      `${formatPlace(f.file, f.section, f.offset)}: relocation type ${f.type} against ${f.symbol} is not known.`,
    () => "Report it with the compiler's name and version; an unknown reference cannot be proved harmless.",
  ),
  "archive-malformed": entry(
    2,
    (f: { file: string; offset: number; what: string }) =>
      `${formatPlace(f.file, undefined, f.offset)}: ${f.what}.`,
    () => "The archive is truncated or damaged: build it again.",
  ),
  "manifest-invalid": entry(
    2,
    (f: { file: string; line: number; column: number; what: string }) =>
      `${f.file}:${f.line}:${f.column}: ${f.what}.`,
    () => "docs/manifests.md describes the form of a component.",
  ),
  "manifest-no-match": entry(
    2,
    (f: { file: string; line: number; kind: string; name: string; near: readonly string[] }) =>
      `${f.file}:${f.line}: no ${f.kind} of this build matches ${f.name}.${near(f.near)}`,
    () => "Correct the name, or remove the rule if this kernel no longer has it.",
  ),
  "manifest-claimed-twice": entry(
    2,
    (f: { unit: string; first: string; second: string; rules: readonly [string, string] }) =>
      `${f.unit} is claimed by ${f.first} and by ${f.second}: ${f.rules[0]} against ${f.rules[1]}.`,
    () => "Narrow one of the two rules.",
  ),
  "manifest-symbol": entry(
    2,
    (f: { file: string; line: number; symbol: string; what: string; near: readonly string[] }) =>
      `${f.file}:${f.line}: ${f.symbol} ${f.what}.${near(f.near)}`,
    () =>
      "Correct the test: inUse takes variables and functions of the kernel, and looks for static ones in the component first.",
  ),
  "manifest-answering": entry(
    2,
    (f: { file: string; line: number; name: string; answering: string; what: string }) =>
      `${f.file}:${f.line}: ${f.answering} cannot answer for ${f.name}(): it ${f.what}.`,
    () => "Name a global function of the same type that stays, or a value.",
  ),
  "manifest-registers": entry(
    2,
    (f: { file: string; line: number; name: string; what: string; near: readonly string[] }) =>
      `${f.file}:${f.line}: ${f.name} ${f.what}.${near(f.near)}`,
    () => "Correct the name, or add `optional: true` if only other configurations have it.",
  ),
  "kernel-without-runtime": entry(
    2,
    (f: { object: string }) => `${f.object} is not among the objects of this kernel.`,
    () => "Apply the series that `jettison patches` prints and set CONFIG_JETTISON=y.",
  ),
  "build-unusable": entry(
    2,
    (f: { folder: string; what: string }) => `${f.folder} is not a usable build: ${f.what}.`,
    () => "Name the folder of a finished kernel build, where vmlinux lies.",
  ),
  "reference-outlives": entry(
    1,
    (f: { from: string; to: string }) => `${f.from} may outlive its target: ${f.to}.`,
    () => "This kernel must not be booted. Report it with plan.json: it is a bug of the planner.",
  ),
  "gate-answer-wrong": entry(
    1,
    (f: { name: string; object: string; answer: string; returns: string }) =>
      `The gate of ${f.name}() in ${f.object} answers ${f.answer}, but the function returns ${f.returns}.`,
    (f) => `Correct the answer for ${f.name} in the manifest.`,
  ),
  "gate-function-wrong": entry(
    1,
    (f: { name: string; object: string; other: string }) =>
      `${f.other}() answers for ${f.name}() in ${f.object}, but their return or parameter types differ.`,
    (f) => `Correct the answer for ${f.name} in the manifest.`,
  ),
  "region-misplaced": entry(
    1,
    (f: { what: string }) => `${f.what}.`,
    () => "This kernel must not be booted. Report it with the linker's version.",
  ),
  "too-many-components": entry(
    2,
    (f: { count: number }) => `${f.count} components are built in; the kernel's sets hold 1024.`,
    () => "Give the link fewer manifests.",
  ),
  "command-failed": entry(
    2,
    (f: { command: string; status: string; log?: string; tail: string }) =>
      `${f.command} ${f.status}.${f.tail ? `\n${f.tail}` : ""}`,
    (f) => (f.log === undefined ? "See its last lines above." : `The whole log is ${f.log}.`),
  ),
  "package-unavailable": entry(
    2,
    (f: { package: string; cause: string }) =>
      `Debian's package ${f.package} is not installed and cannot be downloaded: ${f.cause}.`,
    (f) => `Check the network and apt's sources, or run: apt-get install ${f.package}`,
  ),
  "source-not-kernel": entry(
    2,
    (f: { folder: string; what: string }) => `${f.folder} is not a Linux source tree: ${f.what}.`,
    () => "Give the top folder of a whole kernel tree.",
  ),
  "source-not-clean": entry(
    2,
    (f: { folder: string; sign: string }) => `${f.folder} contains a build: it holds ${f.sign}.`,
    () => "Give a clean tree or a git checkout, or run make mrproper there.",
  ),
  "kernel-unsupported": entry(
    2,
    (f: { what: string; supported: readonly string[] }) => `There is no patch series for ${f.what}.`,
    (f) => `Use one of these versions: ${f.supported.join(", ")}.`,
  ),
  "patch-failed": entry(
    2,
    (f: { series: string; patch: string; file: string; where: string }) =>
      `${f.patch} of the series for Linux ${f.series} does not apply to ${f.file}, ${f.where}.`,
    (f) =>
      `The tree differs there from what the series expects; nothing was changed. \`jettison patches ${f.series}\` prints the series.`,
  ),
  "figures-of-other-kernel": entry(
    2,
    (f: { is: string; documented: string }) =>
      `The documentation shows figures of Linux ${f.documented}, not of ${f.is}.`,
    () => "Omit --write, --kernel or LLVM.",
  ),
  "config-missing": entry(
    2,
    (f: { places: readonly string[] }) =>
      `There is no kernel configuration: ${f.places.join(" and ")} do not exist.`,
    () => "Name one with --config.",
  ),
  "config-empty": entry(
    2,
    (f: { file: string }) => `${f.file} is not a kernel configuration: none of its lines sets an option.`,
    () => "Give a .config, /boot/config-* or /proc/config.gz.",
  ),
  "config-unsupported": entry(
    2,
    (f: { option: string; is: string; needs: string; why: string }) =>
      `${f.option} is ${f.is} in this configuration, but has to be ${f.needs}: ${f.why}.`,
    (f) => `Set ${f.option} to ${f.needs}.`,
  ),
  "config-not-taken": entry(
    2,
    (f: { file: string; line: number; wanted: string; is: string }) =>
      `${f.file}:${f.line}: ${f.wanted} has no effect: the resulting configuration has ${f.is}.`,
    () => "Set what this option depends on, or remove the line.",
  ),
  "no-space": entry(
    2,
    (f: { path: string; free: number; needed: number }) =>
      `The disk of ${f.path} has ${(f.free / 2 ** 30).toFixed(1)} GiB free, but ${(f.needed / 2 ** 30).toFixed(1)} GiB are needed.`,
    () => "Free some space, or set JETTISON_CACHE to a folder on another disk.",
  ),
  "output-inside-source": entry(
    2,
    (f: { source: string; output: string }) =>
      `${f.output} is inside the source tree ${f.source}, which must not change.`,
    () => "Choose an output folder elsewhere.",
  ),
  "link-incomplete": entry(
    2,
    (f: { what: string }) => `The link of vmlinux.o is not complete: ${f.what}.`,
    () => "Remove vmlinux.o and run make again; if its link fails, it shows the reason.",
  ),
  "link-outdated": entry(
    2,
    (f: { file: string }) =>
      `vmlinux.o was linked with other manifests than JETTISON_COMPONENTS names now (${f.file}).`,
    () => "Remove vmlinux.o and run make again, or restore JETTISON_COMPONENTS.",
  ),
  "path-unusable": entry(
    2,
    (f: { path: string; sign: string }) =>
      `A kernel cannot be built with the path ${f.path}: make misreads ${/\s/.test(f.sign) ? "a blank" : f.sign} in a path.`,
    () => "Choose another path; JETTISON_CACHE sets that of the cache.",
  ),
  "kernel-build-failed": entry(
    2,
    (f: { errors: string; log: string }) => `The kernel build failed:\n${f.errors}\n`,
    (f) => `The whole log is ${f.log}.`,
  ),
  "machine-unknown": entry(
    2,
    (f: { machine: string; near: readonly string[] }) => `There is no machine ${f.machine}.${near(f.near)}`,
    () =>
      "Name a file of machines/ without its suffix, or the path of your own file, which contains a / or ends in .yaml.",
  ),
  "machine-invalid": entry(
    2,
    (f: { file: string; line: number; column: number; what: string }) =>
      `${f.file}:${f.line}:${f.column}: ${f.what}.`,
    () => "docs/machines.md describes the form of a machine.",
  ),
  "machine-twice": entry(
    2,
    (f: { machine: string; first: string; second: string }) =>
      `${f.first} and ${f.second} are both machine ${f.machine}, so their results would overwrite each other.`,
    () => "Name each machine once, or rename one file: a file's name is the machine's name.",
  ),
  "image-missing": entry(
    2,
    (f: { image: string; what: string }) => `${f.image} is not a kernel image: ${f.what}.`,
    () =>
      "Name a bzImage, a vmlinux for a machine that starts by PVH, a kernel's .deb, or the folder of a finished build.",
  ),
  "image-plain": entry(
    2,
    (f: { image: string; machine: string }) =>
      `${f.image}, booted on ${f.machine}, has no /sys/kernel/jettison: it was built without Jettison.`,
    () => "Build it with jettison build.",
  ),
  "tool-missing": entry(
    2,
    (f: { tool: string; purpose: string; package: string }) =>
      `${f.tool} is not installed, but ${f.purpose} needs it.`,
    (f) => `Run: apt-get install ${f.package}`,
  ),
  "hypervisor-missing": entry(
    2,
    (f: { package: string; cause: string }) => `Debian's package ${f.package} is not available: ${f.cause}.`,
    () => "Run apt-get update, or omit the machine that needs it.",
  ),
  "guest-failed": entry(
    1,
    (f: { machine: string; cause: string; console: string; log: string }) =>
      `The guest failed on ${f.machine}: ${f.cause}.${f.console ? ` Its console:\n${f.console}\n` : ""}`,
    (f) => `The whole console is ${f.log}.`,
  ),
  "memory-differs": entry(
    1,
    (f: { machine: string; freed: number; off: number; on: number }) =>
      `On ${f.machine} ${f.freed} bytes were freed, but MemTotal went from ${f.off} to ${f.on} bytes, a difference of ${f.on - f.off}.`,
    () => "Both figures must agree: compare the kernel logs of the two boots.",
  ),
  "selftest-failed": entry(
    1,
    (f: { machine: string; failures: number; pages: number }) =>
      `On ${f.machine} the boot self-test found ${f.failures} errors in ${f.pages} freed pages.`,
    () => "The kernel log names each page and what is wrong with it.",
  ),
  "selftest-absent": entry(
    1,
    (f: { machine: string; freed: number; tested: number }) =>
      `On ${f.machine} ${f.freed} pages were freed, but the boot self-test checked ${f.tested}.`,
    () => "The self-test has to check every freed page: see its lines in the kernel log.",
  ),
  "freed-unused": entry(
    1,
    (f: { machine: string; freed: number; used: number }) =>
      `On ${f.machine} ${f.freed} pages of the kernel's text were freed, but filling all memory used only ${f.used} of them.`,
    () => "The page allocator never handed out the rest: see /proc/kpageflags in the guest.",
  ),
  "listing-unusable": entry(
    2,
    (f: { file: string; line: number; what: string }) => `${f.file}:${f.line}: ${f.what}.`,
    () =>
      "Give the output of objdump -h, size -A or readelf -SW, or lines with a name and a number of bytes.",
  ),
  "listing-no-component": entry(
    2,
    (f: { file: string; pattern: string; names: readonly string[] }) =>
      `${f.file}: no section name matches ${f.pattern}; the first names are ${f.names.join(", ")}.`,
    () => "Set the pattern of the components' section names with `sections:` in a file for --scenarios.",
  ),
  "scenarios-invalid": entry(
    2,
    (f: { file: string; line: number; column: number; what: string }) =>
      `${f.file}:${f.line}:${f.column}: ${f.what}.`,
    () => "components/email.scenarios.yaml shows the form of scenarios.",
  ),
  "scenario-component": entry(
    2,
    (f: { file: string; line: number; name: string; near: readonly string[] }) =>
      `${f.file}:${f.line}: ${f.name} is neither in the listing nor among the scenarios' components.${near(f.near)}`,
    () => "Correct the name, or declare it under `components:` if other listings have it.",
  ),
  "plan-invalid": entry(
    2,
    (f: { file: string; what: string }) => `${f.file} is not a readable plan: ${f.what}.`,
    () => "Build the kernel again with this version of Jettison; docs/plan.schema.json describes the form.",
  ),
  "claims-invalid": entry(
    2,
    (f: { file: string; what: string }) => `${f.file} does not hold the claims of a link: ${f.what}.`,
    () => "Link the kernel again with this version of Jettison; docs/design.md describes the form.",
  ),
  "boots-invalid": entry(
    2,
    (f: { file: string; what: string }) => `${f.file} does not hold results of boots: ${f.what}.`,
    () =>
      "Give the demo.json of jettison demo, the output of jettison boot --json, or the kcidb.json of jettison lab.",
  ),
  "fleet-empty": entry(
    2,
    (_: Record<string, never>) => "No machine is given.",
    () => "Name a file of profiles, or results of boots with --boots.",
  ),
  "console-invalid": entry(
    2,
    (f: { file: string; line: number; what: string }) => `${f.file}:${f.line}: ${f.what}.`,
    () =>
      'Give the console of a whole boot, from "Linux version" to "pages freed", with messages of level 6 (loglevel=7).',
  ),
  "console-foreign": entry(
    2,
    (f: { file: string; what: string }) => `${f.file} is the console of another kernel: ${f.what}.`,
    () => "Give the plan of the kernel that was booted.",
  ),
  "lab-machine": entry(
    2,
    (f: { machine: string; what: string }) => `There is no LAVA job for ${f.machine}: ${f.what}.`,
    () => "Name other machines with --machine, or give other kernel parameters.",
  ),
  "profile-invalid": entry(
    2,
    (f: { file: string; line: number; what: string }) =>
      `${f.file}:${f.line} does not describe a machine: ${f.what}.`,
    () => "Give the output of jettison profile, one machine per line; docs/profile.md describes the form.",
  ),
  "page-unmarked": entry(
    2,
    (f: { file: string; start: string; end: string }) =>
      `${f.file} does not mark the place of the tables: it needs the lines ${f.start} and ${f.end}.`,
    () => "Put the two lines back.",
  ),
  "name-unknown": entry(
    2,
    (f: { name: string; near: readonly string[] }) =>
      `This build has no component, function, object or section ${f.name}.${near(f.near)}`,
    () => "Use a component's name, or one from the source: amd_iommu_map_pages, drivers/iommu/amd/init.o.",
  ),
  "budgets-invalid": entry(
    2,
    (f: { file: string; line: number; column: number; what: string }) =>
      `${f.file}:${f.line}:${f.column}: ${f.what}.`,
    () => "docs/report.md describes the form of budgets.",
  ),
  "over-budget": entry(
    1,
    (f: { what: string; before: string; after: string; allowed: string }) =>
      `${f.what} went from ${f.before} to ${f.after}; the limit is ${f.allowed}.`,
    () => "Find the growth with jettison why, or raise the budget.",
  ),
  "manifest-cycle": entry(
    2,
    (f: { steps: readonly string[] }) => `Components depend on each other in a cycle: ${f.steps.join(", ")}.`,
    () => "Remove one `after` or `needs`, so that one of these components can be decided first.",
  ),
} satisfies Record<string, Entry<never>>;

export type Code = keyof typeof catalogue;
type FieldsOf<C extends Code> = Parameters<(typeof catalogue)[C]["wrong"]>[0];

export interface Diagnostic {
  readonly code: Code;
  readonly exit: 1 | 2;
  readonly problem: string;
  /** The problem, then the remedy. */
  readonly message: string;
}

export function diagnose<C extends Code>(code: C, fields: FieldsOf<C>): Diagnostic {
  const { exit, wrong, todo } = catalogue[code] as unknown as Entry<FieldsOf<C>>;
  const problem = wrong(fields);
  return { code, exit, problem, message: `${problem} ${todo(fields)}` };
}

/** A phase throws it at its end, with all diagnostics that it collected. */
export class JettisonError extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(formatDiagnostics(diagnostics));
    this.name = "JettisonError";
    this.diagnostics = diagnostics;
  }

  get exitCode(): 1 | 2 {
    return this.diagnostics.some((d) => d.exit === 2) ? 2 : 1;
  }
}

export function fail<C extends Code>(code: C, fields: FieldsOf<C>): never {
  throw new JettisonError([diagnose(code, fields)]);
}

/** Throws if a phase has collected any. */
export function failIfAny(diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length > 0) throw new JettisonError(diagnostics);
}

const mostRepeats = 12;

/** One line per diagnostic; at most 12 lines per code, then the number of further ones. */
function formatDiagnostics(diagnostics: readonly Diagnostic[]): string {
  const seen = new Map<Code, number>();
  const lines: string[] = [];
  for (const { code, message } of diagnostics) {
    const count = (seen.get(code) ?? 0) + 1;
    seen.set(code, count);
    if (count <= mostRepeats) lines.push(`jettison: ${message} [${code}]`);
  }
  for (const [code, count] of seen)
    if (count > mostRepeats) lines.push(`jettison: and ${count - mostRepeats} more [${code}]`);
  return lines.join("\n");
}
