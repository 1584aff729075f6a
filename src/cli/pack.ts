// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";
import type { Command } from "commander";
import { shippedManifests } from "../3-component/shipped.js";
import type { NamedClass } from "../packing/packBuild.js";

interface Options {
  boots?: string[];
  components?: string[];
  json?: true;
}

/** Packs the regions of a finished build for the machines of a fleet, and prints that as a manifest. */
async function pack(build: string, profiles: readonly string[], options: Options): Promise<void> {
  const { analyse } = await import("../passes.js");
  const { readManifests } = await import("../3-component/manifest.js");
  const { fail } = await import("../diagnostics.js");
  const { readModfiles } = await import("../4-builtin/modules.js");
  const { loadBuild } = await import("../8-link/inputs.js");
  const { openLinkFolder, wasAutomatic } = await import("../8-link/record.js");
  const { packBuild } = await import("../packing/packBuild.js");
  const { makePlan } = await import("../plan/plan.js");
  const { formatPacking } = await import("../report/packingText.js");
  const manifests = await readManifests(
    (options.components ?? shippedManifests).map((file) => resolve(file)),
  );
  const { objects } = loadBuild(build);
  const modfiles = wasAutomatic(openLinkFolder(build))
    ? (file: string) => readModfiles(build, file)
    : undefined;
  const plan = makePlan(analyse(objects, manifests, { modfiles }));
  const built = plan.components.filter(({ state }) => state !== "not-built");
  const fleet = new Map<string, { stays: readonly string[]; weight: number }>();
  const add = (stays: readonly string[]) => {
    const key = stays.join();
    const one = fleet.get(key) ?? { stays, weight: 0 };
    fleet.set(key, { ...one, weight: one.weight + 1 });
  };
  for (const file of options.boots ?? []) {
    const { readBootFile } = await import("../boots/readBoots.js");
    for (const { mode, components } of readBootFile(file)) {
      // Boots that show nothing about the machine: of a plain kernel, with jettison=off or audit.
      const isTold = mode === "on" || mode === "selftest" || mode === null;
      if (!isTold || components.length === 0 || components.some(({ reason }) => reason === "audit")) continue;
      const leaving = new Set(
        components.filter(({ state }) => state === "jettisoned").map(({ component }) => component),
      );
      add(built.map(({ name }) => name).filter((name) => !leaving.has(name)));
    }
  }
  if (profiles.length > 0) {
    const { Predictor } = await import("../predict/predict.js");
    const { readMachines } = await import("../profile/readLines.js");
    const presentByName = new Map(built.map(({ name, present }) => [name, present] as const));
    const predictor = new Predictor(plan, (name) => presentByName.get(name));
    for await (const machines of readMachines(profiles))
      for (const facts of machines)
        add(
          predictor
            .predict(facts)
            .components.filter(({ outcome }) => outcome !== "leaves")
            .map(({ component }) => component),
        );
  }
  const classes: NamedClass[] = [...fleet.values()];
  if (classes.length === 0) fail("fleet-empty", {});
  const packed = packBuild(objects, manifests, classes, modfiles);
  process.stdout.write(
    options.json ? `${JSON.stringify({ version: 1, ...packed }, null, 2)}\n` : formatPacking(packed, classes),
  );
}

export function registerPack(program: Command): void {
  program
    .command("pack")
    .description("choose regions for a fleet: what leaves together, and what is not worth a page")
    .argument("<build>", "folder of the build, where vmlinux.a lies")
    .argument("[profile...]", "output of jettison profile, one machine per line; - is standard input")
    .option(
      "--boots <file...>",
      "machines that were booted: demo.json, or the output of jettison boot --json",
    )
    .option("--components <file...>", "manifests (default: those shipped with Jettison)")
    .option("--json", "print the packing as JSON, sizes in bytes")
    .action(pack);
}
