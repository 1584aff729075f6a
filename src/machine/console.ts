// SPDX-License-Identifier: Apache-2.0
/**
 * Reads a guest's console. The kernel that wrote it may have been failing, so nothing is
 * trusted: numbers are bounded, control characters removed, and a line that makes no sense is a failure.
 */
import { mostComponents } from "../3-component/component.js";

export const states = ["kept", "jettisoned", "refused", "withheld"] as const;
export type ComponentState = (typeof states)[number];

export interface BootComponent {
  readonly component: string;
  readonly state: ComponentState;
  readonly reason: string;
  readonly bytes: number;
  readonly gateCalls: number;
}

/** Mappings of 4 kB and of 2 MB. */
export interface Mappings {
  readonly small: number;
  readonly large: number;
}

/** Words of memory that point into what would have left, by the place they lie in, and how many pages were searched. */
export interface Audit {
  readonly pages: number;
  readonly data: number;
  readonly percpu: number;
  readonly slab: number;
  readonly stack: number;
  readonly other: number;
}

/** The contents of `/sys/kernel/jettison`. */
export interface KernelReport {
  readonly mode: string;
  readonly pages: number;
  readonly bytes: number;
  readonly gateCalls: number;
  /** How the kernel's image was mapped before pages were freed, and afterwards; null if the kernel does not report it. */
  readonly mappings: { readonly before: Mappings; readonly after: Mappings } | null;
  /** Time taken to free the pages; null if the kernel does not report it. */
  readonly releaseNs: number | null;
  /** By name. */
  readonly components: readonly BootComponent[];
  /** null where the self-test did not run. */
  readonly selftest: { readonly pages: number; readonly failures: number; readonly gates: number } | null;
  /** null where memory was not searched (`jettison=audit`). */
  readonly audit: Audit | null;
}

/** Other values of `/proc/meminfo`, in bytes. MemFree varies by megabytes from boot to boot. */
export interface MemoryUse {
  readonly free: number;
  readonly pageTables: number;
  /** The direct map, by the size of its mappings. */
  readonly directMap4k: number;
  readonly directMap2M: number;
}

export interface Fill {
  /** Bytes written to files of a tmpfs, and read back alike. */
  readonly tmpfsBytes: number;
  /** Bytes sent into slab objects with copy_from_user, and received alike. */
  readonly slabBytes: number;
  /**
   * Pages inside the kernel's text that held user memory (tmpfs, or the program's own), slab objects, either; and how many
   * of them have left the kernel;
   * null where the guest's kernel has no /proc/kpageflags (CONFIG_PROC_PAGE_MONITOR).
   */
  readonly codePages: {
    readonly user: number;
    readonly slab: number;
    readonly used: number;
    readonly left: number;
  } | null;
}

export interface ConsoleReading {
  /** The guest's program ran. */
  readonly begun: boolean;
  readonly memTotal: number | undefined;
  /** undefined if the guest did not report it. */
  readonly memory: MemoryUse | undefined;
  /** undefined for a kernel without Jettison. */
  readonly jettison: KernelReport | undefined;
  readonly fill: Fill | undefined;
  /** The guest's program got to its end, and with what. */
  readonly done: "ok" | "failed" | undefined;
  /** The first thing that makes this boot a failure, and the line of the console it stands on. */
  readonly trouble: { readonly cause: string; readonly line: number } | undefined;
  /** The kernel's own lines about Jettison. */
  readonly kernelLog: readonly string[];
}

const marker = "jettison-guest: ";

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be removed
const escapes = /\u001b(?:\[[0-9;?=]*[A-Za-z]|[A-Za-z])|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

const longestLine = 1000;

/** One line as it may be shown on a terminal. */
export function cleanLine(line: string): string {
  return line
    .slice(0, 4 * longestLine)
    .replace(escapes, "")
    .replaceAll("\t", " ")
    .slice(0, longestLine)
    .trimEnd();
}

/** `[    0.123456][    T1] ` before the kernel's messages, and Xen's own prefix. */
const kernelPrefix = /^(?:\(XEN\) )?(?:\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? )?/;

/** How the kernel's reports of its own faults begin (kernel/panic.c, lib/bug.c, mm/, lockdep and others). */
const faults = [
  /^WARNING: (?!PVH is an experimental mode)/,
  /^BUG: /,
  /^kernel BUG at /,
  /\bOops: /,
  /^Kernel panic /,
  /^Call Trace:/,
  /^general protection fault/,
  /^usercopy: /,
  /^watchdog: BUG/,
  /^INFO: (?:task|rcu|trying to register)/,
  /^rcu: INFO: /,
  /page allocation failure/,
  /invoked oom-killer/,
  /^Out of memory: /,
  /^x86\/mm: Checked W\+X mappings: FAILED/,
  /^Panic on CPU/,
  // A call of a component that has left: the kernel goes on, but something here needs the component.
  /^jettison: .* called \S+\(\), which is gone/,
];

const cut = /-+\[ cut here \]-+$/;

/** Values that the guest's program reported; of two reports of a value the last counts. */
interface Reported {
  readonly values: Map<string, string>;
  readonly components: Map<string, Map<string, string>>;
}

/** Takes a complaint about what was reported. The reading then is a failure, and its numbers are not used. */
type Complain = (what: string) => void;

function toNumber(text: string | undefined, what: string, complain: Complain): number {
  if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text);
  complain(`${what} is ${text || "missing"}`);
  return 0;
}

function recordReport(words: readonly string[], { values, components }: Reported, complain: Complain): void {
  const [key, first, second, ...rest] = words;
  if (first === undefined) return;
  if (key === "component") {
    const fields = components.get(first) ?? new Map<string, string>();
    if (components.size === mostComponents && fields.size === 0)
      complain(`it names more than ${mostComponents} components`);
    else if (second !== undefined) components.set(first, fields.set(second, rest.join(" ")));
  } else if (key === "mem-total") {
    values.set(key, first);
  } else if (values.size < 100) {
    values.set(`${key} ${first}`, [second ?? "", ...rest].join(" "));
  }
}

function toKernelReport({ values, components }: Reported, complain: Complain): KernelReport | undefined {
  const mode = values.get("sysfs mode");
  if (mode === undefined) return undefined;
  const number = (name: string) => toNumber(values.get(`sysfs ${name}`), name, complain);
  const found = (name: string) => toNumber(values.get(`debugfs ${name}`), name, complain);
  const mappings = (when: string) => ({
    small: number(`mappings_4k_${when}`),
    large: number(`mappings_2m_${when}`),
  });
  return {
    mode,
    pages: number("pages"),
    bytes: number("bytes"),
    gateCalls: number("gate_calls"),
    mappings: values.has("sysfs mappings_4k_before")
      ? { before: mappings("before"), after: mappings("after") }
      : null,
    releaseNs: values.has("sysfs release_ns") ? number("release_ns") : null,
    components: [...components].map(([component, fields]) => {
      const state = states.find((one) => one === fields.get("state"));
      if (state === undefined) complain(`state of ${component} is ${fields.get("state") || "missing"}`);
      return {
        component,
        state: state ?? "kept",
        reason: fields.get("reason") ?? "",
        bytes: toNumber(fields.get("bytes"), `bytes of ${component}`, complain),
        gateCalls: toNumber(fields.get("gate_calls"), `gate_calls of ${component}`, complain),
      };
    }),
    selftest: values.has("debugfs selftest_pages")
      ? {
          pages: found("selftest_pages"),
          failures: found("selftest_failures"),
          gates: found("selftest_gates"),
        }
      : null,
    audit: values.has("debugfs audit_pages")
      ? {
          pages: found("audit_pages"),
          data: found("audit_data"),
          percpu: found("audit_percpu"),
          slab: found("audit_slab"),
          stack: found("audit_stack"),
          other: found("audit_other"),
        }
      : null,
  };
}

function toMemory({ values }: Reported, complain: Complain): MemoryUse | undefined {
  const number = (name: string) => toNumber(values.get(`meminfo ${name}`), name, complain);
  if (!values.has("meminfo MemFree")) return undefined;
  return {
    free: number("MemFree"),
    pageTables: number("PageTables"),
    directMap4k: number("DirectMap4k"),
    directMap2M: number("DirectMap2M"),
  };
}

function toFill({ values }: Reported, complain: Complain): Fill | undefined {
  const number = (key: string) => toNumber(values.get(key), key, complain);
  if (!values.has("fill slab")) return undefined;
  return {
    tmpfsBytes: number("fill tmpfs"),
    slabBytes: number("fill slab"),
    codePages: values.has("code-pages used")
      ? {
          user: number("code-pages user"),
          slab: number("code-pages slab"),
          used: number("code-pages used"),
          left: number("code-pages left"),
        }
      : null,
  };
}

/** Reads what a guest wrote, each line cleaned with `cleanLine`. Never throws. */
export function readConsole(lines: readonly string[]): ConsoleReading {
  const reported: Reported = { values: new Map(), components: new Map() };
  const kernelLog: string[] = [];
  let begun = false;
  let done: "ok" | "failed" | undefined;
  let trouble: { cause: string; line: number } | undefined;
  const report = (cause: string, line: number) => {
    trouble ??= { cause, line };
  };

  for (const [index, line] of lines.entries()) {
    const at = line.indexOf(marker);
    if (at < 0) {
      const text = line.replace(kernelPrefix, "");
      if (text.startsWith("jettison: ")) kernelLog.push(text);
      if (faults.some((fault) => fault.test(text)))
        report(`its kernel says "${text}"`, cut.test(lines[index - 1] ?? "") ? index - 1 : index);
      continue;
    }
    const words = line
      .slice(at + marker.length)
      .trim()
      .split(" ");
    if (words[0] === "begin") begun = true;
    else if (words[0] === "failed") report(words.slice(1).join(" "), index);
    else if (words[0] === "done") done = words[1] === "ok" ? "ok" : "failed";
    else recordReport(words, reported, (what) => report(`its report is damaged: ${what}`, index));
  }

  const complain: Complain = (what) =>
    report(`its report is damaged: ${what}`, Math.max(lines.length - 1, 0));
  const memTotal = reported.values.has("mem-total")
    ? toNumber(reported.values.get("mem-total"), "mem-total", complain)
    : undefined;
  const memory = toMemory(reported, complain);
  const jettison = toKernelReport(reported, complain);
  const fill = toFill(reported, complain);
  return { begun, memTotal, memory, jettison, fill, done, trouble, kernelLog };
}
