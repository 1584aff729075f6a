// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { cacheFolder } from "../cache.js";
import { freeSpace, spaceOfBuild, spaceOfSource } from "../kernel/space.js";
import { run } from "../process.js";

export interface Finding {
  readonly what: string;
  readonly missing: boolean;
  readonly detail: string;
  /** The remedy; empty if none is needed. */
  readonly fix: string;
}

const found = (what: string, detail: string): Finding => ({ what, missing: false, detail, fix: "" });

/** Programs whose presence stands for that of Debian's packages on a system without dpkg. */
const programs =
  "gcc ld make flex bison bc perl python3 cpio kmod patch rsync xz gzip tar flock qemu-system-x86_64".split(
    " ",
  );

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The packages of a list with comments. */
function parsePackages(list: string): string[] {
  return list
    .replace(/#.*/g, "")
    .split(/\s+/)
    .filter((word) => word !== "");
}

async function findPackages(wanted: readonly string[]): Promise<Finding> {
  // dpkg-query ends with 1 when it knows none of a name: ask for all, and pick.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own fields
  const { stdout } = await run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n"]);
  const installed = new Set(stdout.split("\n").map((line) => line.replace(/^installed /, "")));
  const missing = wanted.filter((name) => !installed.has(name));
  if (missing.length === 0) return found("Debian packages", `all ${wanted.length} installed`);
  const install = `apt-get update && apt-get install --no-install-recommends ${missing.join(" ")}`;
  return {
    what: "Debian packages",
    missing: true,
    detail: missing.join(" "),
    fix: `Run scripts/setup, or: ${install}`,
  };
}

function findPrograms(): Finding {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return found("programs", "all found");
  return {
    what: "programs",
    missing: true,
    detail: missing.join(" "),
    fix: "This is not Debian, so scripts/setup cannot install them: use this system's own packages.",
  };
}

const isDebian12 = () => {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return /^ID=debian$/m.test(release) && /^VERSION_ID="12"$/m.test(release);
};

async function findSpace(): Promise<Finding> {
  const cache = cacheFolder();
  const free = (await freeSpace(cache)) / 2 ** 30;
  const needed = (spaceOfSource + spaceOfBuild) / 2 ** 30;
  const detail = `${free.toFixed(1)} GiB free for ${cache}, a first demo takes ${needed.toFixed(1)}`;
  // Builds that are in the cache need not be made again.
  if (free >= needed || existsSync(cacheFolder("build"))) return found("disk", detail);
  return {
    what: "disk",
    missing: true,
    detail,
    fix: "Free some space, or set JETTISON_CACHE to a folder on another disk.",
  };
}

/** Checks this machine for a list of Debian packages, and for the space that a first build takes. */
export async function findMissing(packages: string): Promise<Finding[]> {
  return [
    found("Node.js", process.version), // package.json's engines and scripts/setup refuse an older one
    isDebian12() ? await findPackages(parsePackages(packages)) : findPrograms(),
    await findSpace(),
  ];
}
