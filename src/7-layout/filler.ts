// SPDX-License-Identifier: Apache-2.0
/**
 * Chooses the text that fills the hole before `srso_alias_safe_ret`, in a kernel with compact text:
 *
 *     head | srso_alias_untrain_ret, entry text | special text | filler | srso_alias_safe_ret | all other text
 *            A                                                            A + 0x104104
 *
 * The addresses of the two thunks differ in bits 2, 8, 14 and 20 and in no other, and the first one has these bits clear
 * (the assertions in arch/x86/kernel/vmlinux.lds.S). So the space between them is limited, and the link fails if it overflows. The graph
 * has everything that goes there, so the filler is chosen to fit.
 */

import { type Graph, sectionOf, type UnitId } from "../1-graph/graph.js";
import type { Boundary } from "../6-boundary/boundary.js";
import { sectionFlag } from "../elf/format.js";
import { pageSize } from "../x86/x86.js";

/** The kernel's script places this name in the hole. */
export const fillerSection = ".text..filler";

const untrainThunk = ".text..__x86.rethunk_untrain";
const safeThunk = ".text..__x86.rethunk_safe";
const distance = (1 << 2) | (1 << 8) | (1 << 14) | (1 << 20);

/** The kernel's script places these between the two, up to a multiple of pages, and then kind by kind. */
const paged: ReadonlySet<string> = new Set([untrainThunk, ".entry.text"]);
const special: ReadonlySet<string> = new Set([
  ...[
    ".noinstr.text",
    ".cpuidle.text",
    ".sched.text",
    ".spinlock.text",
    ".kprobes.text",
    ".softirqentry.text",
  ],
  ...[".text..__x86.indirect_thunk", ".text..__x86.return_thunk", ".static_call.text"],
]);

/** The script aligns the start of each kind as functions are. */
const spare = 64 * (special.size + 2);

/** Sections of ordinary functions: those that end up in `.text`, except those that the kernel's script names. */
const ordinary = /^\.text(?:\.(?!hot$|unlikely$|unknown$|fixup$|startup$|exit$)[_a-zA-Z0-9]+)?$/;
/** A page-aligned function would be followed by a page of fill. */
const mostAlignment = 64;
const functionAlignment = 16;

/** The most that a section takes behind others, which all end at a multiple of `functionAlignment`. */
function mostBytes({ size, align }: { readonly size: number; readonly align: number }): number {
  const rounded = Math.ceil(size / functionAlignment) * functionAlignment;
  return rounded + Math.max(align - functionAlignment, 0);
}

/**
 * Gives units in link order, the last of the link: `arch`, `kernel` and `mm` come first in a link, and these 2 MB are mapped
 * with small pages where page tables are isolated.
 */
export function chooseFiller(graph: Graph, { isLeaving }: Pick<Boundary, "isLeaving">): readonly UnitId[] {
  let entry = 0;
  let beside = 0;
  let hasThunk = false;
  const candidates: UnitId[] = [];
  for (let unit = 0; unit < graph.unitCount; unit++) {
    const section = sectionOf(graph, unit);
    const { name, size, align, flags } = section;
    if (name === safeThunk) hasThunk = true;
    if (paged.has(name)) entry += mostBytes(section);
    else if (special.has(name)) beside += mostBytes(section);
    else if (isLeaving[unit] || !(flags & sectionFlag.execute) || !ordinary.test(name)) continue;
    else if (size > 0 && align <= mostAlignment) candidates.push(unit);
  }
  if (!hasThunk) return [];

  let free = distance - spare - Math.ceil(entry / pageSize) * pageSize - beside;
  const chosen: UnitId[] = [];
  for (const unit of candidates.reverse()) {
    // The rest is not a whole page.
    if (free < pageSize) break;
    const bytes = mostBytes(sectionOf(graph, unit));
    if (bytes > free) continue;
    free -= bytes;
    chosen.push(unit);
  }
  return chosen.reverse();
}
