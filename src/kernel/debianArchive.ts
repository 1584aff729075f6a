// SPDX-License-Identifier: Apache-2.0
/**
 * Files of Debian packages that are not installed. Apt downloads them with a separate configuration, separate lists and a separate
 * cache, so that this machine's sources stay as they are: linux-source-7.3 is in a release that the machine does not
 * use. The mirror and the proxies are those of this machine. Signatures are checked with Debian's keyring.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { cacheFolder } from "../cache.js";
import { fail } from "../diagnostics.js";
import { runToEnd } from "../process.js";
import { withScratchFolder } from "../scratch.js";
import { withLock } from "./lock.js";
import { needSpace, spaceOfPackage } from "./space.js";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Releases that have a kernel's source. If several have a package, apt takes the newest of the first two. */
const suites = ["bookworm", "bookworm-security", "trixie-backports"];

/** Where packages come from: addresses as in sources.list, without the release. */
export interface Mirrors {
  readonly main: string;
  /** Updates for security lie apart. */
  readonly security?: string;
}

export interface PackageOptions {
  /** This machine's where not given. */
  mirrors?: Mirrors;
  onProgress?: (text: string) => void;
}

type Step = (...argv: string[]) => Promise<string>;

/**
 * The path of a copy of one file of a package: `usr/src/linux-source-6.1.tar.xz` of `linux-source-6.1`. It is
 * downloaded once.
 */
export async function fetchPackageFile(
  name: string,
  path: string,
  { mirrors, onProgress }: PackageOptions = {},
): Promise<string> {
  const file = cacheFolder("packages", name, basename(path));
  if (existsSync(file)) return file;
  return withLock(cacheFolder("packages", "apt"), async () => {
    if (existsSync(file)) return file; // made while we waited
    await needSpace(file, spaceOfPackage);
    return withScratchFolder(cacheFolder("packages"), async (scratch) => {
      const step = stepsFor(name, scratch);
      onProgress?.(`asking Debian's mirror for ${name}`);
      await configure(scratch, mirrors ?? (await findMirrors(name, step)), await step("apt-config", "dump"));
      await step("apt-get", "-q", "update");
      onProgress?.(`downloading ${name}`);
      await step("apt-get", "-q", "download", name);
      const deb = readdirSync(scratch).find((one) => one.endsWith(".deb"));
      if (deb === undefined) return unavailable(name, "apt-get downloaded nothing");
      await step("dpkg", "-x", deb, "unpacked");
      const unpacked = join(scratch, "unpacked", path);
      if (!existsSync(unpacked)) return unavailable(name, `it has no ${path}`);
      mkdirSync(dirname(file), { recursive: true });
      renameSync(unpacked, file);
      return file;
    });
  });
}

const unavailable = (name: string, cause: string): never =>
  fail("package-unavailable", { package: name, cause });

/** Commands that read the configuration of `configure` as soon as there is one. */
function stepsFor(name: string, scratch: string): Step {
  const own = join(scratch, "apt.conf");
  return async (...argv) => {
    const env = existsSync(own) ? { APT_CONFIG: own, LC_ALL: "C" } : { LC_ALL: "C" };
    const { status, notFound, tail, stdout } = await runToEnd(argv, { cwd: scratch, env });
    if (notFound) unavailable(name, `there is no ${argv[0]} here`);
    if (status !== undefined) unavailable(name, firstError(tail) ?? `${argv.join(" ")} ${status}`);
    return stdout;
  };
}

const firstError = (tail: string) =>
  /^[EW]: *(.*?)\.?$/m.exec(tail)?.[1] ?? tail.split("\n").at(-1)?.replace(/\.$/, "");

/** Those of this machine's sources that serve its own release. */
async function findMirrors(name: string, step: Step): Promise<Mirrors> {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  const codename = /^VERSION_CODENAME="?([\w-]+)/m.exec(release)?.[1];
  const uris = await step("apt-get", "update", "--print-uris");
  const mirrorOf = (suite: string) =>
    [...uris.matchAll(/^'(\S+?)\/dists\/([^'/]+)\/main\/binary-/gm)].find((match) => match[2] === suite)?.[1];
  const main = codename === undefined ? undefined : mirrorOf(codename);
  if (main === undefined) return unavailable(name, "apt's sources name no mirror of Debian");
  const security = mirrorOf(`${codename}-security`);
  return security === undefined ? { main } : { main, security };
}

/** A configuration that leaves out all of this machine's but how to reach the network. */
async function configure(scratch: string, { main, security }: Mirrors, machine: string): Promise<void> {
  const at = (path: string) => join(scratch, path);
  const apt = cacheFolder("packages", "apt");
  for (const folder of [join(apt, "lists/partial"), at("archives/partial")])
    mkdirSync(folder, { recursive: true });
  const network = machine
    .split("\n")
    .filter((line) => /^Acquire::(https?|ftp|Retries|ForceIPv)\b/.test(line));
  writeFileSync(
    at("sources.list"),
    suites
      .map((suite) => [suite, suite.endsWith("-security") ? security : main])
      .filter(([, mirror]) => mirror !== undefined)
      .map(([suite, mirror]) => `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`)
      .join(""),
  );
  const settings: Record<string, string> = {
    "Dir::State": apt,
    "Dir::State::lists": join(apt, "lists"),
    "Dir::State::status": "/dev/null",
    "Dir::Cache": apt,
    "Dir::Cache::pkgcache": "",
    "Dir::Cache::srcpkgcache": "",
    "Dir::Cache::archives": at("archives"),
    "Dir::Etc::sourcelist": at("sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::preferences": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    "Dir::Etc::main": "/dev/null",
    "Dir::Etc::parts": "/dev/null",
    "APT::Architecture": "amd64",
    // A download by root goes to a folder that only root can read.
    "APT::Sandbox::User": "root",
    // Apt goes on with old lists otherwise, and calls that success.
    "APT::Update::Error-Mode": "any",
    "Acquire::Languages": "none",
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} "${value}";`);
  writeFileSync(at("apt.conf"), [...network, ...lines, ""].join("\n"));
}
