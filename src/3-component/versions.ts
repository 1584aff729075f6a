// SPDX-License-Identifier: Apache-2.0
/** Versions of Linux for which a part of a manifest holds. */

interface Given {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

export interface Versions {
  /** The first version that has it: `6.6`. */
  readonly since?: string;
  /** The last one. */
  readonly until?: string;
}

/** A version is a text, as 6.1 and 6.10 would be the same number. */
export const versionShape = /^\d+\.\d+$/;

/** Less than 0 where the first is the older. */
export const compareVersions = (a: string, b: string) => a.localeCompare(b, "en", { numeric: true });

/** Whether `since` is no later than `until`. */
export const areInOrder = ({ since, until }: Given) =>
  since === undefined || until === undefined || compareVersions(since, until) <= 0;

/** The two keys as a manifest has them, in the form of those who hold them; empty where neither is given. */
export function toVersions({ since, until }: Given): { readonly versions?: Versions } {
  const versions = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
  return since === undefined && until === undefined ? {} : { versions };
}

export const isAmong = ({ since, until }: Versions, version: string) =>
  (since === undefined || compareVersions(since, version) <= 0) &&
  (until === undefined || compareVersions(version, until) <= 0);

/** Whether some version is among both. */
export function overlaps(a: Versions, b: Versions): boolean {
  const isBefore = (one?: string, other?: string) =>
    one !== undefined && other !== undefined && compareVersions(one, other) < 0;
  return !isBefore(a.until, b.since) && !isBefore(b.until, a.since);
}
