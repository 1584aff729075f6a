// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Diagnostic, diagnose, fail, failIfAny } from "../diagnostics.js";
import { loadObject } from "../elf/load.js";
import type { Plan } from "../plan/plan.js";
import { type Verification, verifyObject } from "../verify/verify.js";

/** Verifies the relocatable kernel in a build folder against the regions of its plan. */
export async function verifyBuild(build: string): Promise<Verification> {
  const file = join(build, ".jettison/plan.json");
  if (!existsSync(file)) fail("build-unusable", { folder: build, what: "it has no .jettison/plan.json" });
  const plan = JSON.parse(readFileSync(file, "utf8")) as Plan;
  const registers = new Set(plan.components.filter((one) => one.registersWhenInUse).map(({ name }) => name));
  const verification = verifyObject(
    loadObject("vmlinux.o", join(build, "vmlinux.o")),
    plan.regions.map(({ name, kind, owners }) => ({
      section: `.${kind}..jettison.${name}`,
      owners,
      registersWhenInUse: owners.every((owner) => registers.has(owner)),
    })),
  );
  const diagnostics: Diagnostic[] = [
    ...verification.violations.map((violation) => diagnose("reference-outlives", violation)),
    ...verification.misplaced.map((what) => diagnose("region-misplaced", { what })),
  ];
  failIfAny(diagnostics);
  return verification;
}
