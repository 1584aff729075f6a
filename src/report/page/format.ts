// SPDX-License-Identifier: Apache-2.0

const plain = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

export const count = (value: number): string => plain.format(value);

/** Binary units, as the kernel counts; a space that does not break before the unit. */
export function size(bytes: number): string {
  if (Math.abs(bytes) < 1024) return `${plain.format(bytes)}\u00a0B`;
  if (Math.abs(bytes) < 1024 * 1024) return `${short.format(bytes / 1024)}\u00a0KiB`;
  return `${short.format(bytes / 1024 / 1024)}\u00a0MiB`;
}

export const kilobytes = (bytes: number): string => `${plain.format(bytes / 1024)}\u00a0kB`;

export function share(part: number, whole: number): string {
  if (whole === 0 || part === 0) return "0%";
  const percent = (100 * part) / whole;
  return percent < 0.1 ? "<0.1%" : `${percent.toFixed(1)}%`;
}

export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)}\u00a0${value === 1 ? one : many}`;
