// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { type Command, Option } from "commander";
import { shippedManifests } from "../3-component/shipped.js";
import { fail } from "../diagnostics.js";
import type { Configuration } from "../kernel/configureKernel.js";
import { readKernelVersion } from "../kernel/version.js";

interface Options {
  source: string;
  output: string;
  config?: string;
  tiny?: true;
  changes?: string;
  target: string[];
  components: string[];
  automatic?: true;
  json?: true;
}

function findConfiguration({ source, output, config, tiny, changes }: Options): Configuration {
  const places = config === undefined ? [join(output, ".config"), join(source, ".config")] : [config];
  const file = places.find((place) => existsSync(place));
  if (file === undefined) fail("config-missing", { places });
  if (changes !== undefined && !existsSync(changes)) fail("config-missing", { places: [changes] });
  return { kind: tiny ? "tiny" : "whole", file, ...(changes === undefined ? {} : { changes }) };
}

async function build(given: Options): Promise<void> {
  const options = { ...given, source: resolve(given.source), output: resolve(given.output) };
  if (!relative(options.source, options.output).startsWith("..")) fail("output-inside-source", options);
  readKernelVersion(options.source); // what is no kernel is not to be told first that it has no configuration
  const configuration = findConfiguration(options);
  const { kernelSteps } = await import("../kernel/makeKernel.js");
  const { runSteps } = await import("../steps.js");
  const { steps, finish } = kernelSteps({
    source: { folder: options.source },
    configuration,
    output: options.output,
    components: options.components.map((file) => resolve(file)),
    ...(options.automatic === undefined ? {} : { automatic: options.automatic }),
    functionSections: true,
    targets: options.target,
  });
  await runSteps(steps);
  const { vmlinux, image, warnings, log } = finish();
  const plan = join(options.output, "plan.json");
  if (options.json)
    process.stdout.write(`${JSON.stringify({ version: 1, vmlinux, image, plan, warnings, log }, null, 2)}\n`);
  else process.stdout.write([...warnings, `kernel  ${image}`, `plan    ${plan}`, ""].join("\n"));
}

export function registerBuild(program: Command): void {
  program
    .command("build")
    .description("build a kernel with Jettison from a private copy of a source tree")
    .requiredOption("--source <dir>", "kernel source tree; it is not changed")
    .requiredOption("--output <dir>", "build folder, outside the source")
    .option("--config <file>", "kernel configuration (default: the .config of the output or the source)")
    .option("--tiny", "the configuration is a fragment on top of tinyconfig")
    .option("--changes <file>", "a fragment whose lines replace those of the configuration")
    .option("--target <name...>", "targets of make, such as bindeb-pkg", ["all"])
    .addOption(
      new Option("--components <file...>", "manifests").default(
        [...shippedManifests],
        "those shipped with Jettison",
      ),
    )
    .option("--automatic", "also let built-in drivers leave that no manifest describes (docs/modules.md)")
    .option("--json", "print the result of the build as JSON")
    .action(build);
}
