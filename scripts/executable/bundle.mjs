// SPDX-License-Identifier: Apache-2.0
/** Writes what node makes the executable of: the program as one script, and the files that it reads. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

const [folder] = process.argv.slice(2);

const bundle = await rolldown({
  input: "dist/cli/main.js",
  platform: "node",
  transform: { define: { "import.meta.url": "globalThis.jettisonUrl" } },
});
const { output } = await bundle.generate({
  format: "cjs",
  codeSplitting: false,
  banner: readFileSync("scripts/executable/prelude.cjs", "utf8"),
});
const script = output[0].code;

const read = [
  ...["bin", "components", "configs", "machines", "runtime", "dist/report/page"],
  ...["package.json", "scripts/debian-packages"],
];
const filesOf = (name) =>
  statSync(name).isDirectory()
    ? readdirSync(name)
        .sort()
        .flatMap((entry) => filesOf(join(name, entry)))
    : [name];
const files = read
  .flatMap(filesOf)
  .map((name) => [name, statSync(name).mode & 0o777, readFileSync(name, "utf8")]);

// The folder to unpack into, and a word of our own code for the key of a link (src/8-link/linkKey.ts).
const key = createHash("sha256").update(script).update(JSON.stringify(files)).digest("hex").slice(0, 16);
files.push(["dist/executable-key", 0o644, `${key}\n`]);
writeFileSync(join(folder, "main.cjs"), script);
writeFileSync(join(folder, "files.json"), JSON.stringify({ key, files }));
writeFileSync(
  join(folder, "sea.json"),
  JSON.stringify({
    main: "main.cjs",
    output: "blob",
    disableExperimentalSEAWarning: true,
    assets: { files: "files.json" },
  }),
);
