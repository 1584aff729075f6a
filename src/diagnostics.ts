// SPDX-License-Identifier: Apache-2.0
/**
 * The one catalogue of everything Jettison can complain about: a code, the fields it needs, one sentence
 * of what is wrong and one of what to do. Tests assert codes, never prose.
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
    () => "The object is cut short or damaged: build it again.",
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
    () => "The archive is cut short or damaged: build it again.",
  ),
  "manifest-invalid": entry(
    2,
    (f: { file: string; line: number; column: number; what: string }) =>
      `${f.file}:${f.line}:${f.column}: ${f.what}.`,
    () => "See docs/manifests.md for the form of a component.",
  ),
  "manifest-no-match": entry(
    2,
    (f: { file: string; line: number; kind: string; name: string; near: readonly string[] }) =>
      `${f.file}:${f.line}: no ${f.kind} of this build matches ${f.name}.${near(f.near)}`,
    () => "Correct the name, or remove the rule if this kernel no longer has it.",
  ),
  "manifest-claimed-twice": entry(
    2,
    (f: { unit: string; first: string; second: string }) =>
      `${f.unit} is claimed by ${f.first} and by ${f.second}.`,
    () => "Let one of the two rules name less.",
  ),
  "command-failed": entry(
    2,
    (f: { command: string; status: string; log?: string; tail: string }) =>
      `${f.command} ${f.status}.${f.tail ? `\n${f.tail}` : ""}`,
    (f) => (f.log === undefined ? "See its last lines above." : `The whole log is ${f.log}.`),
  ),
} satisfies Record<string, Entry<never>>;

export type Code = keyof typeof catalogue;
type FieldsOf<C extends Code> = Parameters<(typeof catalogue)[C]["wrong"]>[0];

export interface Diagnostic {
  readonly code: Code;
  readonly exit: 1 | 2;
  /** What is wrong, then what to do. */
  readonly message: string;
}

export function diagnose<C extends Code>(code: C, fields: FieldsOf<C>): Diagnostic {
  const { exit, wrong, todo } = catalogue[code] as unknown as Entry<FieldsOf<C>>;
  return { code, exit, message: `${wrong(fields)} ${todo(fields)}` };
}

/** What a phase throws at its end: everything it found wrong, together. */
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

/** Throws when a phase has collected anything. */
export function failIfAny(diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length > 0) throw new JettisonError(diagnostics);
}

const mostRepeats = 12;

/** One line a diagnostic; of each code at most 12, then how many more there were. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[]): string {
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
