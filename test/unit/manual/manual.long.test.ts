// SPDX-License-Identifier: Apache-2.0
/** Man page, completions and examples agree with the definitions of the commands. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { examples } from "../../../src/cli/examples.js";
import { makeProgram } from "../../../src/cli/program.js";
import {
  bashCompletion,
  fishCompletion,
  shownOptions,
  zshCompletion,
} from "../../../src/manual/completions.js";
import { manPage } from "../../../src/manual/manual.js";
import { projectRoot } from "../../../src/root.js";

const names = makeProgram().commands.map((command) => command.name());

test("every command has examples, and its help shows them", () => {
  expect(Object.keys(examples).sort()).toEqual([...names].sort());
  for (const name of names) {
    const { stdout } = spawnSync(join(projectRoot, "bin/jettison"), ["help", name], { encoding: "utf8" });
    expect(examples[name]!.length).toBeGreaterThan(0);
    for (const { line, what } of examples[name]!) expect(stdout).toContain(`  ${line}\n      ${what}\n`);
  }
});

/** The words of a line after "jettison", up to the next command of a pipe; undefined: it runs something else. */
const wordsOf = (line: string) => /(?:^|\| )jettison ([^|>]+)/.exec(line)?.[1]?.trim().split(/\s+/);

const parse = (words: readonly string[]) => {
  const program = makeProgram();
  for (const command of [program, ...program.commands])
    command
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .action(() => {});
  program.parse(words, { from: "user" });
};

test("commander accepts every example, and not one with an option that does not exist", () => {
  const lines = Object.values(examples).flatMap((some) => some.flatMap(({ line }) => wordsOf(line) ?? []));
  expect(lines.length).toBeGreaterThan(20);
  for (const some of Object.values(examples))
    for (const words of some.flatMap(({ line }) => [wordsOf(line) ?? []]).filter(({ length }) => length > 0))
      expect(() => parse(words), words.join(" ")).not.toThrow();
  expect(() => parse(["plan", "build", "--unknown"])).toThrow(/unknown option/);
});

test("the man page has every command, argument and option, and groff has no complaint", () => {
  const page = manPage(makeProgram(), examples);
  expect(readFileSync(join(projectRoot, "dist/manual/jettison.1"), "utf8")).toBe(page);
  const plain = page.replaceAll("\\-", "-");
  for (const command of makeProgram().commands) {
    expect(plain).toContain(`.SS "jettison ${command.name()} `);
    for (const { flags } of command.options) expect(plain).toContain(`.B ${flags}\n`);
    for (const argument of command.registeredArguments) expect(plain).toContain(`.I ${argument.name()}\n`);
  }
  const { status, stderr } = spawnSync("groff", ["-man", "-ww", "-Tutf8"], { input: page, encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

test("bash completes commands, options and choices", () => {
  const complete = (...words: string[]) => {
    const script = `${bashCompletion(makeProgram())}
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}) COMP_CWORD=${words.length - 1}
      _jettison; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
    expect(stderr).toBe("");
    return stdout.trim().split("\n");
  };
  expect(complete("jettison", "").filter((word) => !word.startsWith("-"))).toEqual(names);
  expect(complete("jettison", "ver")).toEqual(["verify"]);
  expect(complete("jettison", "plan", "--u")).toEqual(["--units"]);
  expect(complete("jettison", "script", "--linker", "l")).toEqual(["ld", "lld"]);
  expect(complete("jettison", "plan", "bui")).toEqual([""]);
});

test("zsh and fish complete every command, option and choice", () => {
  const zsh = zshCompletion(makeProgram());
  const fish = fishCompletion(makeProgram());
  for (const command of makeProgram().commands) {
    const name = command.name();
    const [, ofZsh] = zsh.split(`\n${name})\n`);
    expect(fish).toContain(`-n __fish_use_subcommand -f -a ${name} -d `);
    expect(zsh).toContain(`\t'${name}:`);
    for (const { long, argChoices } of shownOptions(command)) {
      expect(ofZsh!.split(";;")[0]).toMatch(new RegExp(`'\\*?${long}\\[`));
      const line = fish
        .split("\n")
        .find((one) => one.includes(`from ${name}' `) && one.includes(` -l ${long!.slice(2)} `));
      expect(line, `${name} ${long}`).toBeDefined();
      if (argChoices === undefined) continue;
      expect(line).toContain(`-x -a '${argChoices.join(" ")}'`);
      expect(ofZsh).toContain(`:value:(${argChoices.join(" ")})`);
    }
  }
});
