// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { failIfAny } from "../diagnostics.js";
import { run } from "../process.js";
import { identifyCompiler } from "./compiler.js";
import { withLock } from "./lock.js";
import { makeCommand, makeEnvironment } from "./make.js";
import {
  checkRequirements,
  checkTaken,
  checkWishes,
  formatOption,
  type Option,
  parseOptions,
} from "./options.js";
import type { PrivateSource } from "./preparePrivateSource.js";
import { stateFile } from "./stateFile.js";

/** A whole configuration, the rest at its defaults; or what is added to the smallest kernel there is. */
export type Configuration = { kind: "whole"; file: string } | { kind: "tiny"; file: string };

export interface ConfigureOptions {
  source: PrivateSource;
  output: string;
  configuration: Configuration;
  onProgress?: (text: string) => void;
}

const valueByName = (options: readonly Option[]) => new Map(options.map(({ name, value }) => [name, value]));

/**
 * Leaves a checked `.config` in the output folder, with `CONFIG_JETTISON`. A configuration that Jettison
 * cannot work with, or that lost a line of a fragment, is removed again: nothing is built from it.
 */
export function configureKernel(options: ConfigureOptions): Promise<void> {
  return withLock(stateFile(options.output, "build"), () => configureLocked(options));
}

async function configureLocked(options: ConfigureOptions): Promise<void> {
  const { source, output, configuration, onProgress } = options;
  const { file, kind } = configuration;
  const text = readFileSync(file, "utf8");
  const given = [...parseOptions(text), { name: "CONFIG_JETTISON", value: "y", line: 0 }];
  failIfAny(checkWishes(valueByName(given)));
  const fragment = given.map(({ name, value }) => `${formatOption(name, value)}\n`).join("");
  const key = createHash("sha256")
    .update(`${kind}\n${fragment}\n${source.folder}\n${source.seriesHash}\n${await identifyCompiler()}`)
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
    const wanted = kind === "tiny" ? given : given.slice(-1);
    failIfAny(checkRequirements(made)); // first: CONFIG_JETTISON depends on some of these
    failIfAny(checkTaken(file, wanted, made));
    writeFileSync(keyFile, key);
  } catch (error) {
    rmSync(config, { force: true });
    throw error;
  }
}
