// SPDX-License-Identifier: Apache-2.0
/** Completions for bash, zsh and fish, made from the definitions of the commands. */
import type { Command, Option } from "commander";

export const shownOptions = (command: Command) => command.options.filter(({ hidden }) => !hidden);

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Completes commands, options and the choices of options; all else completes as a file. */
export function bashCompletion(program: Command): string {
  const flags = (command: Command) =>
    shownOptions(command).flatMap(({ short, long }) => [short, long].filter((flag) => flag !== undefined));
  const words = program.commands.map((command) => command.name());
  return `${[
    "# SPDX-License-Identifier: Apache-2.0",
    "# Goes to /usr/share/bash-completion/completions/jettison, or is sourced.",
    "_jettison() {",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: bash's, not ours
    "\tlocal word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= words=",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: bash's, not ours
    '\t[ "$COMP_CWORD" -gt 1 ] && command=${COMP_WORDS[1]}',
    "\tcase $command:$previous in",
    ...program.commands.flatMap((command) =>
      shownOptions(command).flatMap(({ long, argChoices }) =>
        long === undefined || argChoices === undefined
          ? []
          : [`\t${command.name()}:${long}) words=${quote(argChoices.join(" "))} ;;`],
      ),
    ),
    "\t*)",
    "\t\tcase $command:$word in",
    `\t\t:*) words=${quote([...words, "--help", "--version"].join(" "))} ;;`,
    ...program.commands.map(
      (command) => `\t\t${command.name()}:-*) words=${quote([...flags(command), "--help"].join(" "))} ;;`,
    ),
    "\t\tesac",
    "\t\t;;",
    "\tesac",
    '\tCOMPREPLY=($(compgen -W "$words" -- "$word"))',
    "}",
    "complete -o default -F _jettison jettison",
  ].join("\n")}\n`;
}

const takesValue = ({ required, optional }: Option) => required || optional;

/** A word that zsh shows beside a completion: a colon and brackets have a meaning there. */
const zshText = (text: string) => text.replace(/[[\]:\\]/g, "\\$&");

function zshOption(option: Option): string {
  const { short, long, description, argChoices, variadic } = option;
  const flags = [short, long].filter((flag) => flag !== undefined);
  const value = argChoices === undefined ? "_files" : `(${argChoices.join(" ")})`;
  const rest = `[${zshText(description)}]${takesValue(option) ? `:value:${value}` : ""}`;
  const repeated = variadic ? "*" : "";
  return flags.map((flag) => `\t\t${quote(`${repeated}${flag}${rest}`)} \\`).join("\n");
}

export const zshCompletion = (program: Command) =>
  `${[
    "#compdef jettison",
    "# SPDX-License-Identifier: Apache-2.0",
    "# Goes to a folder of $fpath as _jettison.",
    "local -a commands=(",
    ...program.commands.map((command) => `\t${quote(`${command.name()}:${zshText(command.description())}`)}`),
    ")",
    "if (( CURRENT == 2 )); then",
    "\t_describe command commands",
    "\treturn",
    "fi",
    "shift words",
    "(( CURRENT-- ))",
    "case $words[1] in",
    ...program.commands.flatMap((command) => [
      `${command.name()})`,
      "\t_arguments \\",
      ...shownOptions(command).map(zshOption),
      "\t\t'--help[display help for command]' \\",
      "\t\t'*:file:_files'",
      "\t;;",
    ]),
    "esac",
  ].join("\n")}\n`;

function fishOption(command: Command, option: Option): string {
  const { short, long, description, argChoices } = option;
  return [
    `complete -c jettison -n '__fish_seen_subcommand_from ${command.name()}'`,
    ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
    ...(long === undefined ? [] : [`-l ${long.slice(2)}`]),
    `-d ${quote(description)}`,
    ...(argChoices !== undefined
      ? [`-x -a ${quote(argChoices.join(" "))}`]
      : takesValue(option)
        ? ["-r"]
        : []),
  ].join(" ");
}

export const fishCompletion = (program: Command) =>
  `${[
    "# SPDX-License-Identifier: Apache-2.0",
    "# Goes to ~/.config/fish/completions/jettison.fish.",
    ...program.commands.map(
      (command) =>
        `complete -c jettison -n __fish_use_subcommand -f -a ${command.name()} -d ${quote(command.description())}`,
    ),
    ...program.commands.flatMap((command) =>
      shownOptions(command).map((option) => fishOption(command, option)),
    ),
  ].join("\n")}\n`;
