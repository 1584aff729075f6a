// SPDX-License-Identifier: Apache-2.0
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Diagnostic, diagnose, fail, failIfAny } from "../diagnostics.js";
import type { ElfImage } from "../elf/image.js";
import { loadFile, loadImage, loadObject } from "../elf/load.js";
import { collectBeside } from "./beside.js";
import { readClaims } from "./claims.js";
import type { Verification } from "./proof.js";
import { readRelocationList } from "./relocationList.js";
import { verifyImage } from "./verifyImage.js";
import { verifyObject } from "./verifyObject.js";

/** Findings in `vmlinux.o` and in `vmlinux`. */
export interface BuildVerification extends Verification {
  readonly image: Verification;
}

/** Where x86 keeps the relocations that it removes from `vmlinux`. */
const relocationList = "arch/x86/boot/compressed/vmlinux.relocs";

/**
 * Looks at the kernel in a build folder, relocatable and linked: does it keep what `claims.json` claims? Reads
 * `vmlinux` where the caller has not.
 */
export function examineBuild(build: string, loaded?: ElfImage): BuildVerification {
  const file = join(build, ".jettison/claims.json");
  if (!existsSync(file)) fail("build-unusable", { folder: build, what: "it has no .jettison/claims.json" });
  const claims = readClaims(file);
  const image = loaded ?? loadImage("vmlinux", join(build, "vmlinux"));
  const list = join(build, relocationList);
  // It is made of the image that was linked after the claims were written; an older one is of an earlier image.
  const isOfImage = existsSync(list) && statSync(list).mtimeMs >= statSync(file).mtimeMs;
  const object = loadObject("vmlinux.o", join(build, "vmlinux.o"));
  return {
    ...verifyObject(object, claims),
    image: verifyImage(
      image,
      claims,
      isOfImage ? readRelocationList("vmlinux.relocs", loadFile(list)) : undefined,
      collectBeside(object, claims.regions),
    ),
  };
}

/** Each violation, and each fault in the kernel's tables. */
export const diagnoseBuild = (verification: BuildVerification): readonly Diagnostic[] =>
  [verification, verification.image].flatMap((one) => [
    ...one.violations.map((violation) => diagnose("reference-outlives", violation)),
    ...one.misplaced.map((what) => diagnose("region-misplaced", { what })),
  ]);

/** The same, and fails where anything is wrong. */
export function verifyBuild(build: string, loaded?: ElfImage): BuildVerification {
  const verification = examineBuild(build, loaded);
  failIfAny(diagnoseBuild(verification));
  return verification;
}
