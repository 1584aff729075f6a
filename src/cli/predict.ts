// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { Present } from "../3-component/component.js";
import type { Prediction } from "../predict/predict.js";

interface Options {
  components?: string[];
  markdown?: true;
  json?: true;
}

/** Up to so many machines a terminal shows each one; above that, their distribution. */
const mostShown = 3;

async function predict(path: string, files: readonly string[], options: Options): Promise<void> {
  const { readPlan } = await import("../plan/readPlan.js");
  const { readMachines } = await import("../profile/readLines.js");
  const { formatPredictionLine, predictionVersion, Predictor } = await import("../predict/predict.js");
  const { DistributionBuilder, summarise } = await import("../predict/distribution.js");
  const { formatDistribution, formatDistributionMarkdown, formatPrediction } = await import(
    "../report/predictText.js"
  );
  const { isStyled } = await import("../report/machineTable.js");

  const plan = readPlan(path);
  const inPlan = new Map(plan.components.map(({ name, present }) => [name, present]));
  const presentByName = options.components === undefined ? inPlan : await readPresent(options.components);
  const predictor = new Predictor(plan, (name) => presentByName.get(name));
  const fleet = new DistributionBuilder();
  const shown: Prediction[] = [];
  let machines = 0;
  let waiting = "";
  const flush = async () => {
    if (waiting !== "" && !process.stdout.write(waiting)) await once(process.stdout, "drain");
    waiting = "";
  };
  for await (const batch of readMachines(files)) {
    for (const facts of batch) {
      const prediction = predictor.predict(facts);
      fleet.add(prediction);
      machines++;
      if (options.json) waiting += `${formatPredictionLine(prediction)}\n`;
      else if (machines <= mostShown) shown.push(prediction);
    }
    if (waiting.length > 2 ** 16) await flush();
  }
  await flush();
  const distribution = fleet.finish();
  if (options.json) {
    const last = [
      { version: predictionVersion, distribution },
      { version: predictionVersion, ...summarise(distribution) },
    ];
    process.stdout.write(last.map((line) => `${JSON.stringify(line)}\n`).join(""));
    return;
  }
  const styled = isStyled(process.stdout);
  process.stdout.write(
    options.markdown
      ? formatDistributionMarkdown(distribution)
      : machines <= mostShown
        ? shown.map((prediction) => formatPrediction(prediction, { styled })).join("\n")
        : formatDistribution(distribution, { styled }),
  );
}

async function readPresent(files: readonly string[]): Promise<Map<string, Present | undefined>> {
  const { readManifests } = await import("../3-component/manifest.js");
  const components = await readManifests(files.map((file) => resolve(file)));
  return new Map(components.map(({ name, present }) => [name, present]));
}

export function registerPredict(program: Command): void {
  program
    .command("predict")
    .description("predict from profiles what leaves the memory of machines, without booting them")
    .argument("<plan>", "plan.json, or the folder of a build")
    .argument("<profile...>", "output of jettison profile, one machine per line; - is standard input")
    .option("--components <file...>", "manifests whose `present` counts (default: those of the plan)")
    .option("--markdown", "print the distribution as Markdown")
    .option("--json", "print one line of JSON per machine, then the distribution, then a summary")
    .action(predict);
}
