// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { readManifests } from "../3-component/manifest.js";
import { shippedManifests } from "../3-component/shipped.js";
import { cacheFolder } from "../cache.js";
import { formatNumber } from "../formatNumber.js";
import { projectRoot } from "../root.js";
import type { Step } from "../steps.js";
import { buildKernel, jettisonLd, type KernelBuild } from "./buildKernel.js";
import { identifyCompiler } from "./compiler.js";
import { type Configuration, configureKernel, readConfiguration } from "./configureKernel.js";
import { copyBuild } from "./copyBuild.js";
import { fetchSource } from "./fetchSource.js";
import { formatOption } from "./options.js";
import { checkPaths } from "./paths.js";
import { type KernelSource, preparePrivateSource } from "./preparePrivateSource.js";
import type { KernelProgress } from "./progress.js";
import { demoKernel } from "./series.js";
import { readKernelVersion } from "./version.js";

export interface KernelJob {
  /** A kernel tree, which is only read; or Debian's of a version. */
  readonly source: { readonly folder: string } | { readonly debian: string };
  readonly configuration: Configuration;
  /** Manifests; no manifest and no function sections give the kernel that the plain linker makes. */
  readonly components: readonly string[];
  readonly functionSections: boolean;
  /** Built-in drivers leave, too, though no manifest describes them. */
  readonly automatic?: boolean;
  /** Where it is built; in the cache, by what objects are made of, where not given. */
  readonly output?: string;
  readonly targets?: readonly string[];
  /** The linker; the one of Jettison where not given. */
  readonly ld?: string;
  /** The kernel as its makers have it: without our series and option, and linked by the plain linker. */
  readonly plain?: true;
  /** A finished build of nearly the same, a copy of which a new build starts from. */
  readonly startFrom?: string;
}

/** The kernel that `jettison demo` builds of a version. */
export function demoJobOf(version: string): KernelJob {
  // Options that the version names differently, or lacks.
  const changes = join(projectRoot, "runtime/linux", version, "demo.config");
  return {
    source: { debian: version },
    configuration: {
      ...{ kind: "tiny", file: join(projectRoot, "configs/demo.config") },
      ...(existsSync(changes) ? { changes } : {}),
    },
    components: shippedManifests,
    functionSections: true,
  };
}

export const demoJob = demoJobOf(demoKernel);

/** A kernel that people run, as it is published but for debug information: `scripts/kernels` puts configurations there. */
export const publishedConfig = (name: string) => cacheFolder("configs", `${name}.config`);
export const publishedJob = (name: string): KernelJob => ({
  ...demoJob,
  configuration: {
    kind: "whole",
    file: publishedConfig(name),
    changes: join(projectRoot, "configs/without-debug-info.config"),
  },
});

/**
 * The build folder in the cache. Manifests and our own kernel files have no part in its name: make and the key
 * of the link know what these change, and a new folder would have to be built from nothing.
 */
async function cachedOutput(job: KernelJob, source: KernelSource): Promise<string> {
  const { kind, file, changes } = job.configuration;
  const options = readConfiguration(job.configuration).map(({ name, value }) => formatOption(name, value));
  const key = createHash("sha256")
    .update([source.folder, kind, ...options, job.functionSections, await identifyCompiler()].join("\n"))
    .digest("hex")
    .slice(0, 12);
  const names = [file, ...(changes === undefined ? [] : [changes])].map((path) => basename(path, ".config"));
  return cacheFolder("build", [...names, ...(job.plain ? ["plain"] : []), key].join("-"));
}

function describeProgress({ phase, done, total, counted }: KernelProgress): string {
  if (phase === "link") return "linking";
  if (phase === "image") return "packing the image";
  return `${formatNumber(done)} of ${counted ? "" : "about "}${formatNumber(total)} objects`;
}

export interface KernelSteps {
  readonly steps: readonly Step[];
  /** The result of the steps, once all have run, and its release. */
  finish(): KernelBuild & { readonly release: string };
}

export function kernelSteps(job: KernelJob): KernelSteps {
  checkPaths({
    words: [
      cacheFolder(),
      ...(job.output === undefined ? [] : [job.output]),
      ...(job.plain ? ("folder" in job.source ? [job.source.folder] : []) : [job.ld ?? jettisonLd]),
    ],
    manifests: job.components,
  });
  let source: KernelSource;
  let output: string;
  let build: KernelBuild;
  return {
    steps: [
      {
        title: "Source",
        async run(report) {
          // The link reads them an hour later: what is wrong in them is known now.
          await readManifests(job.components);
          const pristine =
            "folder" in job.source
              ? job.source.folder
              : await fetchSource(job.source.debian, { onProgress: report });
          if (job.plain) {
            source = { ...readKernelVersion(pristine), folder: realpathSync(pristine) };
            return `Linux ${source.release}, as it is`;
          }
          source = await preparePrivateSource({ source: pristine, onProgress: report });
          const other = source.series === source.version ? "" : ` with the series for ${source.series}`;
          return `Linux ${source.release}, patched${other}`;
        },
      },
      {
        title: "Configuration",
        async run(report) {
          output = job.output ?? (await cachedOutput(job, source));
          if (job.startFrom !== undefined) await copyBuild(job.startFrom, output);
          mkdirSync(output, { recursive: true });
          await configureKernel({ source, output, configuration: job.configuration, onProgress: report });
          return output;
        },
      },
      {
        title: "Kernel",
        async run(report) {
          build = await buildKernel({
            source: source.folder,
            ...(source.lock === undefined ? {} : { sourceLock: source.lock }),
            output,
            ...(job.plain ? {} : { ld: job.ld ?? jettisonLd }),
            components: job.components,
            ...(job.automatic === undefined ? {} : { automatic: job.automatic }),
            functionSections: job.functionSections,
            ...(job.targets === undefined ? {} : { targets: job.targets }),
            onProgress: (progress) => report(describeProgress(progress)),
            onWait: (pid) => report(`waiting for process ${pid}, which is building in ${output}`),
          });
          if (build.compiled === 0 && !build.linked) return "up to date";
          return `${formatNumber(build.compiled)} objects compiled${build.linked ? ", linked" : ""}`;
        },
      },
    ],
    finish: () => ({ ...build, release: source.release }),
  };
}

/** All the steps, one after the other. */
export async function makeKernel(job: KernelJob, report?: (text: string) => void): Promise<KernelBuild> {
  const { steps, finish } = kernelSteps(job);
  for (const step of steps) await step.run((text) => report?.(`${step.title}: ${text}`));
  return finish();
}
