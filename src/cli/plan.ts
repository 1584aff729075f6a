// SPDX-License-Identifier: Apache-2.0
import type { Command } from "commander";
import { shippedManifests } from "../3-component/shipped.js";

interface Options {
  components?: string[];
  units?: true;
  automatic?: true;
  json?: true;
}

/** Plans the link of a finished build again, without linking: it shows the possible gain before anything is patched. */
async function plan(build: string, { components, units, automatic, json }: Options): Promise<void> {
  const { planBuild } = await import("../passes.js");
  const { readModules } = await import("../exports/modules.js");
  const planned = await planBuild(build, components ?? shippedManifests, automatic);
  const { exports } = planned.plan;
  const modules = readModules(build);
  if (json) {
    const imported = exports.map((one) => ({
      ...one,
      ...modules.kinds.get(one.symbol),
      importers: modules.importers.get(one.symbol) ?? [],
    }));
    const { unreadable } = modules;
    process.stdout.write(`${JSON.stringify({ ...planned.plan, exports: imported, unreadable })}\n`);
    return;
  }
  const { isStyled } = await import("../report/machineTable.js");
  const { formatPlan } = await import("../report/planText.js");
  const { formatExports } = await import("../report/exportsText.js");
  const { formatUnits } = await import("../report/unitsText.js");
  process.stdout.write(
    `${formatPlan(planned.plan, { styled: isStyled(process.stdout) })}\n${formatExports(exports, modules)}`,
  );
  if (units) process.stdout.write(`\n${formatUnits(planned.plan)}`);
}

export function registerPlan(program: Command): void {
  program
    .command("plan")
    .description("analyse a finished build without linking: sizes, regions, gates, pins, refusals, exports")
    .argument("<build>", "folder of the build, where vmlinux.a lies")
    .option("--components <file...>", "manifests (default: those shipped with Jettison)")
    .option("--units", "also list every unit of a component, and the rule that claims it")
    .option("--automatic", "also let built-in drivers leave (default: as in the build's own link)")
    .option("--json", "print the plan as JSON, sizes in bytes; it includes units and their rules")
    .action(plan);
}
