// SPDX-License-Identifier: Apache-2.0
/** The man page, made from the definitions of the commands. */
import type { Command, Option } from "commander";
import type { Example } from "../cli/examples.js";
import { shownOptions } from "./completions.js";

type Examples = Readonly<Record<string, readonly Example[]>>;

/** Text that roff prints as it stands. */
const roff = (text: string) =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("…", "...")
    .replace(/^(?=[.'])/gm, "\\&");

const sentence = (text: string) => `${text[0]!.toUpperCase()}${text.slice(1)}.`;

function describe({ description, argChoices, defaultValue, defaultValueDescription }: Option): string {
  const choices = argChoices === undefined ? [] : [`one of ${argChoices.join(", ")}`];
  const usual = defaultValueDescription ?? defaultValue;
  const isSaid = usual === undefined || typeof usual === "boolean";
  return [description, ...choices, ...(isSaid ? [] : [`default: ${[usual].flat().join(", ")}`])].join("; ");
}

const manOption = (option: Option) => [".TP", `.B ${roff(option.flags)}`, roff(sentence(describe(option)))];

function manCommand(command: Command, examples: Examples): string[] {
  const name = command.name();
  return [
    `.SS "jettison ${name} ${roff(command.usage())}"`,
    roff(sentence(command.description())),
    ...command.registeredArguments.flatMap((one) => [
      ".TP",
      `.I ${roff(one.name())}`,
      roff(sentence(one.description)),
    ]),
    ...shownOptions(command).flatMap(manOption),
    ...(examples[name] ?? []).flatMap(({ line, what }) => [
      ".PP",
      roff(sentence(what)),
      ".PP",
      ".EX",
      `    ${roff(line)}`,
      ".EE",
    ]),
  ];
}

/** The page jettison(1), in the man macros. It holds no date: same definitions, same bytes. */
export const manPage = (program: Command, examples: Examples) =>
  `${[
    '.\\" SPDX-License-Identifier: Apache-2.0',
    `.TH JETTISON 1 "" "jettison ${program.version()}" "User Commands"`,
    ".SH NAME",
    `jettison \\- ${roff(program.description())}`,
    ".SH SYNOPSIS",
    ".B jettison",
    ".I command",
    ".RI [ options ]",
    ".SH COMMANDS",
    ...program.commands.flatMap((command) => manCommand(command, examples)),
    ".SH OPTIONS",
    ".TP",
    ".B \\-V, \\-\\-version",
    "Print the version.",
    ".TP",
    ".B \\-h, \\-\\-help",
    "Print the help text of jettison, or of the command before it.",
    ".SH ENVIRONMENT",
    ...Object.entries({
      JETTISON_CACHE: "Folder for sources and built kernels (~/.cache/jettison).",
      JETTISON_COMPONENTS: "Manifests for jettison\\-ld, separated by colons.",
      JETTISON_LD: "The linker that jettison\\-ld stands in for (ld, or what LLVM chooses).",
      LLVM: "As for kbuild: 1, \\-19 or /opt/llvm/bin/ build kernels with clang and ld.lld of that version.",
      JETTISON_DEBUG: "If set, an unexpected error prints its stack.",
    }).flatMap(([name, what]) => [".TP", `.B ${name}`, what]),
    ".SH EXIT STATUS",
    "0 after success, 1 if a check found something (a budget, a violation, a missing package), 2 after an error.",
  ].join("\n")}\n`;
