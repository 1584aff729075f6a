// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import type { Patch, Series } from "./series.js";

/** The name that git gives to a file's content; a diff carries its first 12 digits. */
const blobName = (content: string) =>
  createHash("sha1")
    .update(`blob ${Buffer.byteLength(content)}\0`)
    .update(content)
    .digest("hex")
    .slice(0, 12);

function addFile(path: string, content: string): string {
  const lines = content.replace(/\n$/, "").split("\n");
  return [
    `diff --git a/${path} b/${path}`,
    "new file mode 100644",
    `index ${"0".repeat(12)}..${blobName(content)}`,
    "--- /dev/null",
    `+++ b/${path}`,
    `@@ -0,0 +1,${lines.length} @@`,
    ...lines.map((line) => `+${line}`),
    ...(content.endsWith("\n") ? [] : ["\\ No newline at end of file"]),
  ].join("\n");
}

const subject = "jettison: Free built-in components that a machine does not use";

const message = `jettison-ld groups the code and data of optional components into
page-aligned regions. It fills in tables that are empty here: the regions,
their gates, and how to tell whether a component is in use. At boot, shut
and unmap the regions of components that this machine does not use, and
give their pages to the page allocator.

Nothing calls this yet. The hooks follow.`;

/** The first patch: the files of our own, as the patch series finds them. */
function filesPatch({ files, patches }: Series): Patch {
  const author = patches[0]?.text.match(/^From: (.*)$/m)?.[1] ?? "Jettison <jettison@localhost>";
  const date = patches[0]?.text.match(/^Date: (.*)$/m)?.[1] ?? "Thu, 1 Jan 1970 00:00:00 +0000";
  // A version that does not need a patch leaves its number out.
  const count = Number(patches.at(-1)?.name.slice(0, 4) ?? 1);
  const text = [
    `From ${"0".repeat(40)} Mon Sep 17 00:00:00 2001`,
    `From: ${author}`,
    `Date: ${date}`,
    `Subject: [PATCH ${"1".padStart(`${count}`.length, "0")}/${count}] ${subject}`,
    "",
    message,
    "",
    `Signed-off-by: ${author}`,
    "---",
    ...files.map(([path, content]) => addFile(path, content)),
    "-- ",
    "",
  ].join("\n");
  return { name: "0001-jettison-Free-built-in-components-that-a-machine-does.patch", text };
}

/** A whole series in the form of `git format-patch`, in order. */
export function exportSeries(series: Series): Patch[] {
  return [filesPatch(series), ...series.patches];
}
