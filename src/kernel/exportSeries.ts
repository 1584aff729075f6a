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

/** A message with the files that it names, as the patch that adds them. */
function addFiles({ name, text }: Patch, files: Series["files"]): Patch {
  const names = new Set([...text.matchAll(/^ (\S+\/\S+)$/gm)].map((match) => match[1]!));
  const added = files.filter(([path]) => names.has(path));
  if (names.size === 0 || added.length < names.size)
    throw new Error(`${name} names no file, or one that is not there`);
  return {
    name,
    text: [
      text.slice(0, text.indexOf("\n---\n") + 4),
      ...added.map(([path, content]) => addFile(path, content)),
      "-- \n",
    ].join("\n"),
  };
}

/** A whole series in the form of `git format-patch`, in order and numbered. */
export function exportSeries({ files, messages, patches }: Series): Patch[] {
  const all = [...messages.map((message) => addFiles(message, files)), ...patches];
  return all
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, text }, index) => ({
      name,
      text: text.replace(/^Subject: \[PATCH\]/m, `Subject: [PATCH ${index + 1}/${all.length}]`),
    }));
}
