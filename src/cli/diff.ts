// SPDX-License-Identifier: Apache-2.0
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { shippedManifests } from "../3-component/shipped.js";
import { type Diagnostic, diagnose, failIfAny } from "../diagnostics.js";
import { formatNumber } from "../formatNumber.js";
import type { Plan } from "../plan/plan.js";

interface Options {
  budgets?: string;
  components?: string[];
  markdown?: true;
  json?: true;
}

const usualConfiguration = "jettison.yaml";

/** The plan of a file or of a build; a build that was linked without Jettison is planned now. */
async function findPlan(path: string, manifests: readonly string[]): Promise<Plan> {
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  if (isFolder && !existsSync(join(path, "plan.json")) && existsSync(join(path, "vmlinux.a"))) {
    const { planBuild } = await import("../passes.js");
    return (await planBuild(path, manifests)).plan;
  }
  const { readPlan } = await import("../plan/readPlan.js");
  return readPlan(path);
}

async function diff(a: string, b: string, options: Options): Promise<void> {
  const { comparePlans } = await import("../diff/diff.js");
  const { checkBudgets, readBudgets } = await import("../diff/budgets.js");
  const { formatDiff, formatDiffMarkdown } = await import("../diff/diffText.js");
  const { isStyled } = await import("../report/machineTable.js");
  const file = options.budgets ?? usualConfiguration;
  const budgets = options.budgets !== undefined || existsSync(file) ? readBudgets(file) : undefined;
  const manifests = options.components ?? shippedManifests;
  const difference = comparePlans(await findPlan(a, manifests), await findPlan(b, manifests));
  const verdicts = budgets === undefined ? [] : checkBudgets(difference, budgets, file);
  if (options.json)
    process.stdout.write(`${JSON.stringify({ ...difference, budgets: verdicts }, null, 2)}\n`);
  else if (options.markdown) process.stdout.write(formatDiffMarkdown(difference, verdicts));
  else process.stdout.write(formatDiff(difference, verdicts, { styled: isStyled(process.stdout) }));
  failIfAny(
    verdicts
      .filter(({ passed }) => !passed)
      .map(
        ({ figure, before: was, after: is, allowed }): Diagnostic =>
          diagnose("over-budget", {
            what: figure,
            before: formatNumber(was),
            after: formatNumber(is),
            allowed: `a change of ${formatNumber(allowed)}`,
          }),
      ),
  );
}

export function registerDiff(program: Command): void {
  program
    .command("diff")
    .description("compare two plans or builds: sizes, owners, gates; exit with 1 if a budget is exceeded")
    .argument("<a>", "plan.json or build folder, before")
    .argument("<b>", "plan.json or build folder, after")
    .option("--budgets <file>", `configuration with budgets (${usualConfiguration}, if it exists)`)
    .option(
      "--components <file...>",
      "manifests, for a build that has no plan (default: those shipped with Jettison)",
    )
    .option("--markdown", "print Markdown for a pull request")
    .option("--json", "print JSON, sizes in bytes")
    .action(diff);
}
