// SPDX-License-Identifier: Apache-2.0
/** The gain as tables of text, for the terminal and for the pages of docs/. */

import { kinds } from "../elf/kind.js";
import { formatKib, formatNumber } from "../formatNumber.js";
import type { ByKind, Gain, GainMachine, GainObject, Saving } from "../gain/gain.js";
import { sum } from "../sum.js";

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const signed = (value: number) => (value > 0 ? `+${formatNumber(value)}` : formatNumber(value));
const signedKib = (bytes: number) => signed(bytes / 1024);

const sumKinds = (bytes: ByKind) => sum(kinds.map((kind) => bytes[kind]));

/** Share of the rebuild's savings in the objects of components. */
function shareOf(bytes: ByKind, { saving }: GainMachine): string {
  const saved = saving === null ? 0 : sumKinds(saving.components);
  return saved > 0 ? `${((100 * sumKinds(bytes)) / saved).toFixed(1)} %` : "-";
}

/** MemTotal in kB, and each kernel's difference from the plain one. */
export function memTotalTable({ machines }: Gain): Table {
  return {
    head: ["machine", "plain", "off", "on", "rebuilt", "off - plain", "on - plain", "rebuilt - plain"],
    rows: machines.map(({ machine, memTotal: { plain, off, on, rebuild } }) => [
      ...[
        machine,
        formatKib(plain),
        formatKib(off),
        formatKib(on),
        rebuild === null ? "-" : formatKib(rebuild),
      ],
      ...[signedKib(off - plain), signedKib(on - plain)],
      rebuild === null ? "-" : signedKib(rebuild - plain),
    ]),
  };
}

/** Page tables that splitting mappings takes, and free memory. */
export function memoryTable({ machines }: Gain): Table {
  const kernels = ["plain", "off", "on"] as const;
  return {
    head: ["machine", "kernel", "MemFree", "PageTables", "DirectMap4k", "DirectMap2M"],
    rows: machines.flatMap(({ machine, memory }) =>
      kernels.flatMap((kernel) => {
        const use = memory[kernel];
        if (use === null) return [];
        return [
          [
            machine,
            kernel,
            ...[use.free, use.pageTables, use.directMap4k, use.directMap2M].map((one) => formatKib(one)),
          ],
        ];
      }),
    ),
  };
}

/** Bytes of components: the savings of the rebuild, and the memory that Jettison gives back. */
export function bytesTable({ machines }: Gain): Table {
  const row = (machine: string, what: string, bytes: ByKind, share: string) => [
    ...[
      machine,
      what,
      ...kinds.map((kind) => formatNumber(bytes[kind])),
      formatNumber(sumKinds(bytes)),
      share,
    ],
  ];
  return {
    head: ["machine", "", ...kinds, "all", "share"],
    rows: machines.flatMap((one) => [
      row(one.machine, "Jettison gives back", one.givenBack, shareOf(one.givenBack, one)),
      ...(one.saving === null
        ? []
        : [
            row(one.machine, "rebuild saves in components", one.saving.components, ""),
            row(one.machine, "stays with Jettison", one.saving.staying, shareOf(one.saving.staying, one)),
            row(one.machine, "rebuild saves elsewhere", one.saving.elsewhere, ""),
          ]),
    ]),
  };
}

/** Sections of the linked kernels in bytes. */
export function imageTable({ images }: Gain): Table {
  const memory = [...kinds, "init"] as const;
  return {
    head: ["kernel", ...memory, "padding in text", "text without"],
    rows: images.map((image) => [
      ...[image.build, ...memory.map((name) => formatNumber(image.memory[name]))],
      ...[formatNumber(image.padding), formatNumber(image.memory.text - image.padding)],
    ]),
  };
}

function objectTable({ machines }: Gain, objectsOf: (saving: Saving) => readonly GainObject[]): Table {
  const seen = new Set<string>();
  return {
    head: ["rebuild", "object", "bytes"],
    rows: machines.flatMap(({ saving }) => {
      if (saving === null || seen.has(saving.build)) return [];
      seen.add(saving.build);
      return objectsOf(saving).map(({ object, bytes }) => [saving.build, object, formatNumber(bytes)]);
    }),
  };
}

/** Bytes that stay of the objects that the rebuilds leave out. */
export const stayingTable = (gain: Gain) => objectTable(gain, ({ largestStaying }) => largestStaying);

/** Bytes that the rebuilds save in objects without any unit of a component. */
export const elsewhereTable = (gain: Gain) => objectTable(gain, ({ largest }) => largest);
