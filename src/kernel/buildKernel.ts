// SPDX-License-Identifier: Apache-2.0
/**
 * Builds a configured kernel. Make decides which objects are up to date, and whether the link is, by the key that the
 * linker prints (`src/8-link/linkKey.ts`). An interrupted build resumes.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, JettisonError } from "../diagnostics.js";
import { run } from "../process.js";
import { projectRoot } from "../root.js";
import { withLock, withSharedLock } from "./lock.js";
import { makeCommand, makeEnvironment } from "./make.js";
import { parseOptions } from "./options.js";
import { countObjects, estimateObjects, type KernelProgress, readProgress } from "./progress.js";
import { needSpace, spaceOfBuild } from "./space.js";
import { stateFile } from "./stateFile.js";

export interface BuildOptions {
  /** A tree that is not edited while it is built: `preparePrivateSource`'s. */
  source: string;
  /** The lock that keeps it from being edited: `KernelSource.lock`. */
  sourceLock?: string;
  /** Holds a checked `.config`: `configureKernel`'s. */
  output: string;
  /** The linker that make calls; the plain one where none is given. */
  ld?: string;
  /** Manifests that the linker is to obey. */
  components?: readonly string[];
  /** Built-in modules leave by themselves where their exit functions undo what their init registers. */
  automatic?: boolean;
  /** A section for each function and object of built-in code, which is what lets them leave one by one. */
  functionSections: boolean;
  targets?: readonly string[];
  onProgress?: (progress: KernelProgress) => void;
  /** Called when another process is building in the same folder and has to end first. */
  onWait?: (pid: number) => void;
}

export interface KernelBuild {
  readonly output: string;
  readonly vmlinux: string;
  readonly image: string;
  /** Objects compiled in this run; 0 when only the link was done, or nothing. */
  readonly compiled: number;
  readonly linked: boolean;
  /** Every warning of compiler, assembler, linker, objtool and modpost in this run. */
  readonly warnings: readonly string[];
  readonly seconds: number;
  readonly log: string;
}

/** The linker that stands in for `ld` inside a kernel build. */
export const jettisonLd = join(projectRoot, "bin/jettison-ld");

const isWarning = (line: string) => /\bwarning:/i.test(line);
const isError = (line: string) =>
  /^jettison: |\berror: |undefined reference|: No such file|: multiple definition|^make.*\*\*\* (?!.*Waiting)/.test(
    line,
  );

const mostErrors = 15;

export function buildKernel(options: BuildOptions): Promise<KernelBuild> {
  const { sourceLock, onWait } = options;
  const build = () => buildLocked(options);
  return withLock(
    stateFile(options.output, "build"),
    () => (sourceLock === undefined ? build() : withSharedLock(sourceLock, build, onWait)),
    onWait,
  );
}

async function buildLocked(options: BuildOptions): Promise<KernelBuild> {
  const {
    source,
    output,
    ld,
    components = [],
    automatic = false,
    functionSections,
    targets = ["bzImage"],
    onProgress,
  } = options;
  const log = stateFile(output, "build.log");
  const vmlinux = join(output, "vmlinux");
  if (!existsSync(join(output, "vmlinux.a"))) await needSpace(output, spaceOfBuild);

  const totalFile = stateFile(output, "objects");
  const known = existsSync(totalFile) ? Number(readFileSync(totalFile, "utf8")) : undefined;
  const enabled = parseOptions(readFileSync(join(output, ".config"), "utf8")).filter(
    ({ value }) => value === "y",
  );
  const progress = readProgress(output, known ?? estimateObjects(enabled.length), known !== undefined);
  const warnings: string[] = [];
  const errors: string[] = [];
  const onLine = (line: string) => {
    if (isWarning(line)) warnings.push(line);
    else if (isError(line)) errors.push(line);
    const update = progress.take(line);
    if (update !== undefined) onProgress?.(update);
  };
  const sections = functionSections ? "-ffunction-sections -fdata-sections" : "";
  const argv = makeCommand(source, output, [
    ...(ld === undefined ? [] : [`LD=${ld}`]),
    // Not KCFLAGS: modules must not get these.
    `CFLAGS_KERNEL=${sections}`,
    ...targets,
  ]);
  const env = {
    ...makeEnvironment,
    JETTISON_COMPONENTS: components.join(":"),
    JETTISON_AUTOMATIC: automatic ? "1" : "",
  };
  try {
    const { seconds } = await run(argv, { env, log, onLine });
    writeFileSync(totalFile, `${countObjects(output)}\n`);
    const image = join(output, "arch/x86/boot/bzImage");
    return {
      output,
      vmlinux,
      image,
      compiled: progress.compiled(),
      linked: progress.linked(),
      warnings,
      seconds,
      log,
    };
  } catch (error) {
    if (!(error instanceof JettisonError) || errors.length === 0) throw error;
    fail("kernel-build-failed", { errors: errors.slice(0, mostErrors).join("\n"), log });
  }
}
