// SPDX-License-Identifier: Apache-2.0
import type { Command } from "commander";
import { shippedManifests } from "../3-component/shipped.js";

interface Options {
  components?: string[];
  json?: true;
}

async function why(build: string, name: string, { components, json }: Options): Promise<void> {
  const { planBuild } = await import("../passes.js");
  const { explain } = await import("../why/explain.js");
  const { formatAnswer } = await import("../why/whyText.js");
  const { isStyled } = await import("../report/machineTable.js");
  const answer = await explain(await planBuild(build, components ?? shippedManifests), name);
  process.stdout.write(
    json
      ? `${JSON.stringify(answer, null, 2)}\n`
      : formatAnswer(answer, { styled: isStyled(process.stdout) }),
  );
}

export function registerWhy(program: Command): void {
  program
    .command("why")
    .description(
      "show why a function, object or component stays, leaves or is refused: the chain of references",
    )
    .argument("<build>", "folder of a finished build, where vmlinux.a lies")
    .argument("<name>", "a component, a function or variable, a section, an object file")
    .option("--components <file...>", "manifests (default: those shipped with Jettison)")
    .option("--json", "print JSON, sizes in bytes")
    .action(why);
}
