// SPDX-License-Identifier: Apache-2.0
import { fail } from "../diagnostics.js";
import { type Memory, readPlanImage } from "../plan/image.js";
import type { GainImage } from "./gain.js";

/** The sections of a linked kernel, by what the running kernel does with their pages. */
export function weighImage(build: string, vmlinux: string): GainImage {
  const image = readPlanImage(vmlinux);
  if (image === undefined) fail("build-unusable", { folder: vmlinux, what: "its vmlinux is not a kernel" });
  const memory: Record<Memory, number> = { text: 0, rodata: 0, data: 0, bss: 0, init: 0 };
  for (const section of image.sections) memory[section.memory] += section.bytes;
  const text = image.sections.filter((section) => section.memory === "text");
  const padding = image.padding
    .filter(({ offset }) => text.some((one) => offset >= one.offset && offset < one.offset + one.bytes))
    .reduce((sum, { bytes }) => sum + bytes, 0);
  return { build, bytes: image.bytes, memory, padding };
}
