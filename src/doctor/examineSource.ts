// SPDX-License-Identifier: Apache-2.0
/** Checks a kernel source before a build: which series applies, and whether the catalogue knows its sections. */
import { JettisonError } from "../diagnostics.js";
import { compareSections, type NamedSection } from "../kernel/sourceSections.js";
import { stageNearest } from "../kernel/stageSeries.js";
import { readKernelVersion } from "../kernel/version.js";

export interface SourceExamination {
  readonly version: 1;
  readonly source: string;
  readonly release: string;
  /** The version whose series applies: the source's own, or the nearest. */
  readonly series?: string;
  /** Each hunk that does not apply, where none does. */
  readonly inTheWay: readonly string[];
  /** Names of sections that the source was searched for. */
  readonly sections: number;
  /** Those that the catalogue does not know. */
  readonly unknown: readonly NamedSection[];
}

export async function examineSource(source: string): Promise<SourceExamination> {
  const { version, release } = readKernelVersion(source);
  const { count, unknown } = await compareSections(source);
  const found = { version: 1, source, release, sections: count, unknown } as const;
  try {
    return { ...found, series: (await stageNearest(source, version)).series, inTheWay: [] };
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    return { ...found, inTheWay: error.diagnostics.map(({ problem }) => problem) };
  }
}

export function formatSource({
  source,
  release,
  series,
  inTheWay,
  sections,
  unknown,
}: SourceExamination): string {
  return [
    `${source}: Linux ${release}`,
    ...(series === undefined
      ? inTheWay
      : [
          `The series for Linux ${series} applies${release.startsWith(`${series}.`) ? "" : ", the nearest"}.`,
        ]),
    unknown.length === 0
      ? `The catalogue knows all ${sections} sections that the source names.`
      : `The catalogue does not know ${unknown.length} of ${sections} sections. Each stays, and a component that one refers to is refused:`,
    ...unknown.map(({ name, file }) => `  ${name}  ${file}`),
    "",
  ].join("\n");
}
