// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { failIfAny } from "../diagnostics.js";
import { run } from "../process.js";
import { identifyCompiler } from "./compiler.js";
import { withLock, withSharedLock } from "./lock.js";
import { makeCommand, makeEnvironment } from "./make.js";
import {
  checkRequirements,
  checkTaken,
  checkWishes,
  formatOption,
  type Option,
  parseOptions,
} from "./options.js";
import type { KernelSource } from "./preparePrivateSource.js";
import { stateFile } from "./stateFile.js";

export interface Configuration {
  /** A whole configuration, the rest at its defaults; or what is added to the smallest kernel there is. */
  readonly kind: "whole" | "tiny";
  readonly file: string;
  /** A fragment whose lines take the place of those of `file`. */
  readonly changes?: string;
}

export interface ConfigureOptions {
  source: KernelSource;
  output: string;
  configuration: Configuration;
  onProgress?: (text: string) => void;
}

/** The settings of a configuration as given, each with the file that contains it. */
export function readConfiguration({ file, changes }: Configuration): (Option & { readonly file: string })[] {
  const read = (path: string) =>
    parseOptions(readFileSync(path, "utf8")).map((option) => ({ ...option, file: path }));
  if (changes === undefined) return read(file);
  const changed = read(changes);
  const names = new Set(changed.map(({ name }) => name));
  return [...read(file).filter(({ name }) => !names.has(name)), ...changed];
}

const valueByName = (options: readonly Option[]) => new Map(options.map(({ name, value }) => [name, value]));

/**
 * Leaves a checked `.config` in the output folder, with `CONFIG_JETTISON` where the source is patched. A
 * configuration that Jettison cannot work with, or that lost a line of a fragment, is removed again: nothing is
 * built from it.
 */
export function configureKernel(options: ConfigureOptions): Promise<void> {
  const { lock } = options.source;
  const configure = () => configureLocked(options);
  return withLock(stateFile(options.output, "build"), () =>
    lock === undefined ? configure() : withSharedLock(lock, configure),
  );
}

async function configureLocked(options: ConfigureOptions): Promise<void> {
  const { source, output, configuration, onProgress } = options;
  const { kind } = configuration;
  const ours = { file: configuration.file, name: "CONFIG_JETTISON", value: "y", line: 0 };
  const given = [...readConfiguration(configuration), ...(source.seriesHash === undefined ? [] : [ours])];
  failIfAny(checkWishes(valueByName(given)));
  const fragment = given.map(({ name, value }) => `${formatOption(name, value)}\n`).join("");
  const key = createHash("sha256")
    .update(
      `${kind}\n${fragment}\n${source.folder}\n${source.seriesHash ?? "as it is"}\n${await identifyCompiler()}`,
    )
    .digest("hex");
  const config = join(output, ".config");
  const keyFile = stateFile(output, "config-key");
  if (existsSync(config) && existsSync(keyFile) && readFileSync(keyFile, "utf8") === key) return;

  rmSync(keyFile, { force: true });
  const log = stateFile(output, "config.log");
  const make = (...args: string[]) =>
    run(makeCommand(source.folder, output, args), { env: makeEnvironment, log });
  onProgress?.("making the configuration");
  try {
    if (kind === "tiny") {
      await make("tinyconfig");
      const additions = stateFile(output, "fragment.config");
      writeFileSync(additions, fragment);
      const merge = join(source.folder, "scripts/kconfig/merge_config.sh");
      await run([merge, "-m", "-O", output, config, additions], { cwd: output, env: makeEnvironment, log });
    } else {
      writeFileSync(config, fragment);
    }
    await make("olddefconfig");
    const made = valueByName(parseOptions(readFileSync(config, "utf8")));
    const isAsked = (option: (typeof given)[number]) =>
      option === ours || option.file === configuration.changes;
    const wanted = kind === "tiny" ? given : given.filter(isAsked);
    failIfAny(checkRequirements(made)); // first: CONFIG_JETTISON depends on some of these
    failIfAny(checkTaken(wanted, made));
    writeFileSync(keyFile, key);
  } catch (error) {
    rmSync(config, { force: true });
    throw error;
  }
}
