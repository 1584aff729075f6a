// SPDX-License-Identifier: Apache-2.0
/** Numbers for people. */
export const number = (value: number) => value.toLocaleString("en");
export const kib = (bytes: number) => number(Math.round(bytes / 1024));
