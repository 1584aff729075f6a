// SPDX-License-Identifier: Apache-2.0
import type { Command } from "commander";

interface Options {
  json?: true;
}

/** Which built-in modules of a finished build could leave like a module, and why the others could not. */
async function modules(build: string, { json }: Options): Promise<void> {
  const { classifyBuild } = await import("../passes.js");
  const { isAutomatic, describeObstacle } = await import("../4-builtin/classify.js");
  const { isStyled } = await import("../report/machineTable.js");
  const { formatModules } = await import("../report/modulesText.js");
  const found = classifyBuild(build);
  if (!json) {
    process.stdout.write(formatModules(found, { styled: isStyled(process.stdout) }));
    return;
  }
  const rows = found.map((one) => ({
    name: one.name,
    path: one.module.path,
    ...(one.class === undefined ? {} : { class: one.class }),
    isAutomatic: isAutomatic(one),
    ...(one.obstacle === undefined ? {} : { obstacle: describeObstacle(one.obstacle) }),
    registers: one.registrars.map(({ what }) => what),
    bytes: one.bytes,
    exports: one.exports,
  }));
  process.stdout.write(`${JSON.stringify({ version: 1, modules: rows }, null, 2)}\n`);
}

export function registerModules(program: Command): void {
  program
    .command("modules")
    .description(
      "list the built-in modules of a build: whether the exit function undoes the init function, and if not, why",
    )
    .argument("<build>", "folder of a finished build, where vmlinux.a lies")
    .option("--json", "print JSON, sizes in bytes")
    .action(modules);
}
