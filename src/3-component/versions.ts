// SPDX-License-Identifier: Apache-2.0
/** Versions of Linux that a part of a manifest speaks of. */

export interface Versions {
  /** The first version that has it: `6.6`. */
  readonly since?: string;
  /** The last one. */
  readonly until?: string;
}

/** Less than 0 where the first is the older. */
export const compareVersions = (a: string, b: string) => a.localeCompare(b, "en", { numeric: true });

export const isAmong = ({ since, until }: Versions, version: string) =>
  (since === undefined || compareVersions(since, version) <= 0) &&
  (until === undefined || compareVersions(version, until) <= 0);

/** Whether some version is among both. */
export function overlaps(a: Versions, b: Versions): boolean {
  const isBefore = (one?: string, other?: string) =>
    one !== undefined && other !== undefined && compareVersions(one, other) < 0;
  return !isBefore(a.until, b.since) && !isBefore(b.until, a.since);
}
