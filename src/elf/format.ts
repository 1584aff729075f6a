// SPDX-License-Identifier: Apache-2.0
/**
 * Numbers of the ELF64 format, as the gABI gives them.
 */

export const elfType = { relocatable: 1, executable: 2, shared: 3 } as const;

export const sectionType = {
  null: 0,
  progbits: 1,
  symtab: 2,
  strtab: 3,
  rela: 4,
  nobits: 8,
  rel: 9,
  group: 17,
  symtabShndx: 18,
} as const;

export const sectionFlag = {
  write: 0x1,
  alloc: 0x2,
  execute: 0x4,
  merge: 0x10,
  strings: 0x20,
  linkOrder: 0x80,
  compressed: 0x800,
} as const;

/** Section indices that name no section. */
export const specialIndex = {
  undefined: 0,
  reserved: 0xff00,
  absolute: 0xfff1,
  common: 0xfff2,
  extended: 0xffff,
} as const;

export const symbolBinding = { local: 0, global: 1, weak: 2 } as const;
export const symbolType = {
  none: 0,
  object: 1,
  function: 2,
  section: 3,
  file: 4,
  common: 5,
  tls: 6,
} as const;
export const symbolVisibility = { default: 0, internal: 1, hidden: 2, protected: 3 } as const;

export const headerSize = 64;
export const sectionHeaderSize = 64;
export const symbolSize = 24;
export const relaSize = 24;
