// SPDX-License-Identifier: Apache-2.0
/** docs/sections.md, made from the catalogue. */
import { chapters, type Role, type Row, type Treatment } from "./rows.js";

const roles: readonly (readonly [Role, string])[] = [
  ["plain", "code or data that the compiler or an author placed; can belong to a component and leave"],
  ["fixed", "stays, because the kernel needs it where it is"],
  ["no-gate", "stays, and must not call a gate: it runs where no other code may run, or by rules of its own"],
  [
    "init",
    "freed by the kernel after boot. A call from it is over by then, but addresses that it stored may remain",
  ],
  ["patch", "freed after boot, but its instructions were copied into text that stays"],
  ["calls", "a table whose entries are called or handed out later"],
  ["describes", "a table about code: its entries keep the real address and are never called"],
  ["exports", "names code and data that modules may use"],
  ["discarded", "leaves no bytes in the loaded kernel"],
  ["unknown", "not in this list: stays, and refuses any component that it refers to"],
];

const treatments: readonly (readonly [Treatment, string])[] = [
  ["nothing", "nothing: the reference is over by then, or it only describes"],
  ["gate", "a function gets a gate, data stays"],
  [
    "neutralise",
    "it keeps the real address, and the kernel forgets the entry at boot, before anything is freed",
  ],
  ["refuse", "the component that it refers to stays"],
];

export function documentCatalogue(): string {
  return `${[
    "<!-- SPDX-License-Identifier: Apache-2.0 -->",
    "<!-- Made by `npm run docs` from src/2-catalogue/rows.ts. -->",
    "# Sections of a kernel",
    "",
    "This page lists every input section that an x86-64 kernel of 6.1, 6.12 or 7.3 can have: its contents, when it is used, and how",
    "Jettison treats a reference from it to something that leaves. If several names fit, the longest counts.",
    "",
    "| role | meaning |",
    "|---|---|",
    ...roles.map(([role, meaning]) => `| ${role} | ${meaning} |`),
    "",
    "| treatment | what happens to a reference to something that leaves |",
    "|---|---|",
    ...treatments.map(([treatment, meaning]) => `| ${treatment} | ${meaning} |`),
    ...chapters.flatMap(({ title, rows }) => [
      "",
      `## ${title}`,
      "",
      "| section | contents | used | role | treatment |",
      "|---|---|---|---|---|",
      ...rows.map(documentRow),
    ]),
  ].join("\n")}\n`;
}

const documentRow = ({ sections, what, used, role, treatment }: Row) =>
  `| ${sections
    .split(" ")
    .map((name) => `\`${name}\``)
    .join(" ")} | ${what} | ${used} | ${role} | ${treatment} |`;
