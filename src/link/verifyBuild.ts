// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readReturnTypes } from "../btf/returnTypes.js";
import { checkAnswers } from "../component/checkAnswers.js";
import { type Diagnostic, diagnose, fail, failIfAny } from "../diagnostics.js";
import type { ElfImage } from "../elf/image.js";
import { loadFile, loadImage, loadObject } from "../elf/load.js";
import type { Plan } from "../plan/plan.js";
import { readPlan } from "../plan/readPlan.js";
import type { Verification, VerifiedRegion } from "../verify/proof.js";
import { readRelocationList } from "../verify/relocationList.js";
import { verifyImage } from "../verify/verifyImage.js";
import { verifyObject } from "../verify/verifyObject.js";

/** What was found in `vmlinux.o`, and in `vmlinux`. */
export interface BuildVerification extends Verification {
  readonly image: Verification;
}

/** Where x86 keeps the relocations that it removes from `vmlinux`. */
const relocationList = "arch/x86/boot/compressed/vmlinux.relocs";

/**
 * Verifies the kernel in a build folder, relocatable and linked, against the regions of its plan; and, where it has
 * type information, that its gates answer what their functions could have returned. Reads `vmlinux` where the caller
 * has not.
 */
export async function verifyBuild(build: string, loaded?: ElfImage): Promise<BuildVerification> {
  const file = join(build, ".jettison/plan.json");
  if (!existsSync(file)) fail("build-unusable", { folder: build, what: "it has no .jettison/plan.json" });
  const plan = readPlan(file);
  const regions = regionsOf(plan);
  const image = loaded ?? loadImage("vmlinux", join(build, "vmlinux"));
  const list = join(build, relocationList);
  const verification: BuildVerification = {
    ...verifyObject(loadObject("vmlinux.o", join(build, "vmlinux.o")), regions),
    image: verifyImage(
      image,
      regions,
      existsSync(list) ? readRelocationList("vmlinux.relocs", loadFile(list)) : undefined,
    ),
  };
  const diagnostics: Diagnostic[] = [verification, verification.image].flatMap((one) => [
    ...one.violations.map((violation) => diagnose("reference-outlives", violation)),
    ...one.misplaced.map((what) => diagnose("region-misplaced", { what })),
  ]);
  const types = readReturnTypes(image);
  if (types !== undefined) diagnostics.push(...checkAnswers(plan.gates, types));
  failIfAny(diagnostics);
  return verification;
}

function regionsOf(plan: Plan): VerifiedRegion[] {
  const registers = new Set(plan.components.filter((one) => one.registersWhenInUse).map(({ name }) => name));
  return plan.regions.map(({ name, kind, owners, pages }) => ({
    name,
    kind,
    pages,
    owners,
    registersWhenInUse: owners.every((owner) => registers.has(owner)),
  }));
}
