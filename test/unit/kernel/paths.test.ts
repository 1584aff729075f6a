// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { expect, test } from "vitest";
import { kernelSteps } from "../../../src/kernel/makeKernel.js";
import { projectRoot } from "../../../src/root.js";
import { codesOf } from "../../support/diagnosed.js";

const job = (output: string, components: readonly string[]) => () =>
  kernelSteps({
    source: { folder: "/a tree: of anybody" }, // is copied, to a name that make takes
    configuration: { kind: "tiny", file: join(projectRoot, "configs/demo.config") },
    output,
    components,
    functionSections: true,
  });

test.each([
  ["/tmp/out", ["/tmp/a manifest.yaml"], []],
  ["/tmp/an out", [], ["path-unusable"]],
  ["/tmp/out:put", [], ["path-unusable"]],
  ["/tmp/out$", [], ["path-unusable"]],
  ["/tmp/out", ["/tmp/a:manifest.yaml", "/tmp/b:manifest.yaml"], ["path-unusable", "path-unusable"]],
] as const)(
  "a build in %s with %j is refused before anything is done, where it cannot be",
  (output, manifests, codes) => {
    expect(codesOf(job(output, manifests))).toEqual(codes);
  },
);
