// SPDX-License-Identifier: Apache-2.0
/** The images that can be booted: a bzImage (also called vmlinuz), a vmlinux, a kernel's Debian package, or a build folder. */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder } from "../cache.js";
import { fail } from "../diagnostics.js";
import { runToEnd } from "../process.js";
import { withScratchFolder } from "../scratch.js";
import type { Machine } from "./machine.js";

/** A machine needs one of the two. */
export interface Image {
  readonly bzImage?: string;
  /** For machines that start it by PVH. */
  readonly vmlinux?: string;
}

/** The files that a path stands for: of a build folder both, whether they exist or not. */
export async function findImage(given: string): Promise<Image> {
  if (!existsSync(given)) fail("image-missing", { image: given, what: "it does not exist" });
  if (statSync(given).isDirectory())
    return { bzImage: join(given, "arch/x86/boot/bzImage"), vmlinux: join(given, "vmlinux") };
  const start = readStart(given, 8);
  if (start.toString("latin1") === "!<arch>\n") return { bzImage: await unpack(given) };
  return start.toString("latin1", 0, 4) === "\x7fELF" ? { vmlinux: given } : { bzImage: given };
}

/** The file of an image that a machine starts, which is of the kind that it can start. */
export function fileFor({ bzImage, vmlinux }: Image, machine: Pick<Machine, "name" | "pvh">): string {
  const file = machine.pvh ? vmlinux : bzImage;
  if (file === undefined)
    return fail("image-missing", {
      image: (bzImage ?? vmlinux)!,
      what: machine.pvh
        ? `it is no vmlinux, which ${machine.name} starts by PVH`
        : `it is a vmlinux, and ${machine.name} starts a bzImage`,
    });
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) fail("image-missing", { image: file, what: "it does not exist" });
  if (!stat.isFile()) fail("image-missing", { image: file, what: "it is not a file" });
  // `HdrS` at 0x202: Documentation/arch/x86/boot.rst.
  if (machine.pvh) {
    if (readStart(file, 4).toString("latin1") !== "\x7fELF")
      fail("image-missing", { image: file, what: "it is not an ELF file" });
  } else if (readStart(file, 0x206).toString("latin1", 0x202) !== "HdrS")
    fail("image-missing", { image: file, what: "it has no x86 boot header" });
  return file;
}

function readStart(file: string, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    readSync(descriptor, bytes, 0, length, 0);
  } catch (error) {
    fail("image-missing", { image: file, what: (error as Error).message });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
  return bytes;
}

/** The kernel of a package that `bindeb-pkg` or a distribution made; it is unpacked once. */
async function unpack(deb: string): Promise<string> {
  const key = createHash("sha256").update(readFileSync(deb)).digest("hex").slice(0, 16);
  const kept = cacheFolder("images", `${key}.bzImage`);
  if (existsSync(kept)) return kept;
  return withScratchFolder(dirname(kept), async (scratch) => {
    const { status, notFound, tail } = await runToEnd(["dpkg-deb", "-x", deb, scratch]);
    if (notFound)
      fail("tool-missing", { tool: "dpkg-deb", purpose: "reading a Debian package", package: "dpkg" });
    if (status !== undefined) fail("image-missing", { image: deb, what: tail.split("\n").at(-1) ?? status });
    const boot = join(scratch, "boot");
    const kernels = existsSync(boot) ? readdirSync(boot).filter((name) => name.startsWith("vmlinuz-")) : [];
    if (kernels.length !== 1)
      fail("image-missing", { image: deb, what: `the package has ${kernels.length} files boot/vmlinuz-*` });
    renameSync(join(boot, kernels[0]!), kept);
    return kept;
  });
}
