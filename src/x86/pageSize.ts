// SPDX-License-Identifier: Apache-2.0
/** Bytes of a page of x86-64. */
export const pageSize = 4096;
