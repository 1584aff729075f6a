// SPDX-License-Identifier: Apache-2.0
/** Numbers for people. */
export const formatNumber = (value: number) => value.toLocaleString("en");
export const formatKib = (bytes: number) => formatNumber(Math.round(bytes / 1024));
