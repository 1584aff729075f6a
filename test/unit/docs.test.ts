// SPDX-License-Identifier: Apache-2.0
/** Links between pages, and from a page to a file, lead somewhere. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { exportSeries } from "../../src/kernel/exportSeries.js";
import { demoKernel, readSeries, touchedFiles } from "../../src/kernel/series.js";
import { replaceGenerated } from "../../src/report/generatedPart.js";
import { kernelsTable, readmeCommand } from "../../src/report/kernelsTable.js";
import { projectRoot } from "../../src/root.js";

const read = (page: string) => readFileSync(join(projectRoot, page), "utf8");

/** The anchors of a page, as GitHub makes them from its headings. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of withoutCode(read(page)).matchAll(/^#+ (.*)$/gm)) {
    const text = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const anchor = text.replace(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
    let free = anchor;
    for (let nr = 1; anchors.has(free); nr++) free = `${anchor}-${nr}`;
    anchors.add(free);
  }
  return anchors;
}

const withoutCode = (text: string) => text.replace(/^```.*?^```/gms, "");

/** The targets of a page's links within the repository. */
const linksOf = (text: string) =>
  [...withoutCode(text).matchAll(/(?<!`)\[[^\]]*\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target));

/** The file that a link of a page shows; a folder shows its README. */
function fileOf(page: string, target: string): string {
  const [path] = target.split("#");
  const file = path === "" ? page : normalize(join(dirname(page), path!));
  const readme = join(file, "README.md");
  return existsSync(join(projectRoot, readme)) ? readme : file;
}

/** Links of a page that lead nowhere. */
const brokenLinks = (page: string, text: string) =>
  linksOf(text).filter((target) => {
    const [, anchor] = target.split("#");
    const file = fileOf(page, target);
    if (!existsSync(join(projectRoot, file))) return true;
    return anchor !== undefined && !anchorsOf(file).has(anchor);
  });

const listFiles = (...patterns: string[]) =>
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...patterns], {
    cwd: projectRoot,
    encoding: "utf8",
  })
    .split("\n")
    .filter((file) => file !== "" && existsSync(join(projectRoot, file)));

const pages = listFiles("*.md");

test("every link between pages leads to a file, and to a heading of it", () => {
  expect(pages.length).toBeGreaterThan(20);
  expect(pages.flatMap((page) => linksOf(read(page))).length).toBeGreaterThan(80);
  const broken = pages.flatMap((page) => brokenLinks(page, read(page)).map((target) => `${page}: ${target}`));
  expect(broken).toEqual([]);
});

test("a link to a page or a heading that does not exist is found", () => {
  const text =
    "[a](docs/design.md#padding) [b](docs/design.md#paddings) [c](docs/none.md) [d](https://e.org/x)";
  expect(brokenLinks("README.md", text)).toEqual(["docs/design.md#paddings", "docs/none.md"]);
});

test("a page of docs/ is reached from README.md or from another page", () => {
  const linked = new Set(pages.flatMap((page) => linksOf(read(page)).map((target) => fileOf(page, target))));
  expect(pages.filter((page) => page.startsWith("docs/") && !linked.has(page))).toEqual([]);
});

/** Files and folders of the repository that a text names and that do not exist. */
const lostPaths = (text: string) =>
  [...text.matchAll(/(?<![\w/.-])(?:src|test|bench|site|configs|machines|components)\/[\w./-]*\w/g)]
    .map(([path]) => path!)
    .filter((path) => !/NAME|node_modules/.test(path) && !existsSync(join(projectRoot, path)));

test("a path that a page or a comment names exists", () => {
  const texts = listFiles("*.md", "*.ts", "*.yaml", "*.sh", "LICENSE", "scripts", "runtime").filter(
    (file) => !["CHANGELOG.md", "test/unit/docs.test.ts"].includes(file),
  );
  const lost = texts.flatMap((file) => {
    const text = read(file);
    const said = /\.(?:ts|[chS])$/.test(file) ? commentsOf(text).join("\n") : text;
    return lostPaths(said).map((path) => `${file}: ${path}`);
  });
  expect(lost).toEqual([]);
  expect(lostPaths("`src/passes.ts` lists `src/1-graph`; see test/unit and `src/graph`, src/ld.ts.")).toEqual(
    [...["src/graph", "src/ld.ts"]],
  );
});

/** Sentences as `docs` of the kernel have them: subject, verb, object. */
const oddSentences = (text: string) =>
  [...text.matchAll(/(?:^|[.:;]\s+|\n\n|\n- |\n#+ |\| )((?:Of|What|That) [^.]{0,40})/g)].map(([, start]) =>
    start!.replaceAll("\n", " "),
  );

test("no sentence and no heading begins with Of, What or That", () => {
  expect(oddSentences("# A\n\n## What it gives\n")).toEqual(["What it gives "]);
  const found = pages.flatMap((page) =>
    oddSentences(withoutCode(read(page))).map((start) => `${page}: ${start}`),
  );
  expect(found).toEqual([]);
});

/** The comments of C, TypeScript, Python or sh, each on one line; comments of `//` and `#` go on over several. */
const commentsOf = (text: string) =>
  [...text.matchAll(/\/\*[\s\S]*?\*\/|(?:(?:^|[ \t])(?:\/\/|#)[ \t].*(?:\n[ \t]*|$))+/gm)].map(([comment]) =>
    comment
      .replace(/^\s*# SPDX.*|^\s*(?:\/\*+|\*+\/?|\/\/|#)/gm, "")
      .replace(/\s+/g, " ")
      .trim(),
  );

test("no sentence of a comment does", () => {
  const files = listFiles(
    "src",
    "scripts",
    "site",
    "bench",
    "test/**.ts",
    "runtime/**.[chS]",
    "runtime/**.sh",
  ).filter((file) => !file.endsWith(".json") && file !== "test/unit/docs.test.ts");
  const comments = files.flatMap((file) => commentsOf(read(file)).map((text) => ({ file, text })));
  expect(comments.length).toBeGreaterThan(1000);
  const found = comments.flatMap(({ file, text }) => oddSentences(text).map((start) => `${file}: ${start}`));
  expect(found).toEqual([]);
});

test("no sentence of a patch does, be it of the message, of a comment or of documentation", () => {
  const patches = listFiles("runtime/linux/*.patch").map((file) => ({ file, text: read(file) }));
  expect(patches.length).toBeGreaterThan(50);
  const found = patches.flatMap(({ file, text }) => {
    const message = text.slice(text.indexOf("Subject: "), text.indexOf("\n---\n"));
    const added = text
      .split(/^diff --git /m)
      .slice(1)
      .map(
        (part) =>
          [
            part,
            part
              .match(/^\+(?!\+).*$/gm)
              ?.map((line) => line.slice(1))
              .join("\n") ?? "",
          ] as const,
      );
    const prose = added.flatMap(([part, lines]) =>
      /^a\/(?:Documentation\/|\S*Kconfig)/.test(part)
        ? [lines.replace(/^(?:What|Date|Contact|Description):/gm, "").replaceAll(/[ \t\n]+/g, " ")]
        : commentsOf(lines),
    );
    return [message, ...prose].flatMap(oddSentences).map((start) => `${file}: ${start}`);
  });
  expect(found).toEqual([]);
});

test("such a sentence is found in a comment of each form", () => {
  const text = `#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What one.
/** What two. */
/*
 * Good. Of
 * three x.
 */
	x(); // That four.
	// It is good: so is
	// this. What five.
const six = "What six.";`;
  expect(commentsOf(text).flatMap(oddSentences)).toEqual([
    ...["What one", "What two", "Of three x", "That four", "What five"],
  ]);
});

test("the cover letter counts the patches of the series, and its table has each of them once", () => {
  const letter = read("docs/series.md");
  const series = readSeries(demoKernel);
  const patches = exportSeries(series);
  const listed = [...letter.matchAll(/^\| ([\d, to]+) \|/gm)].flatMap(([, range]) =>
    range!.split(", ").flatMap((one) => {
      const [first, last = first] = one.split(" to ").map(Number);
      return Array.from({ length: last! - first! + 1 }, (_, index) => first! + index);
    }),
  );
  expect(letter).toContain(`[PATCH 00/${patches.length}]`);
  expect(listed.sort((a, b) => a - b)).toEqual(patches.map((_, index) => index + 1));
  // One patch adds a file of our own, and no other one touches it.
  const own = new Set(series.files.map(([path]) => path));
  const added = patches.flatMap(touchedFiles).filter((path) => own.has(path));
  expect(added.sort()).toEqual([...own].sort());
});

test("README's table of kernels shows what docs/kernels.md has measured", () => {
  const file = join(projectRoot, "README.md");
  const table = kernelsTable(read("docs/kernels.md"));
  expect(read("README.md")).toBe(replaceGenerated(file, readmeCommand, table));
  expect(table.split("\n").length).toBeGreaterThan(5);
});

test("the figures before README's first command are those of its table and of docs/kernels.md", () => {
  const readme = read("README.md");
  const cells = (text: string, row: RegExp) =>
    text
      .match(row)![0]
      .split("|")
      .map((cell) => cell.trim());
  const kilobytes = (cell: string) => Number(cell.replaceAll(",", ""));
  const [, , , , off, , more] = cells(readme, /^\| debian-cloud \| q35 \|.*$/m);
  const [, , , , offBefore] = cells(read("docs/kernels.md"), /^\| debian-cloud \| [\d,]+ \|.*$/m);
  const packed = (kilobytes(off!) - kilobytes(offBefore!)).toLocaleString("en-US");
  expect(readme.slice(0, readme.indexOf("```")).match(/[\d,]+ kB/g)).toEqual([`${packed} kB`, `${more} kB`]);
});

test("a boot that failed is not in README's table, and a part without machines is an error", () => {
  const part = (name: string, ...lines: string[]) =>
    [`<!-- written by: scripts/kernels --write ${name} -->`, ...lines, "<!-- end -->"].join("\n");
  const head = [
    "2026-11-27: 7 objects",
    "",
    "| machine | pages freed | of it padding | MemTotal off, kB | on, kB | self-test |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
  ];
  const page = part(
    "one",
    ...head,
    "| q35 | 1,404 | 9 | 1,000 | 6,616 | 1,404 pages |",
    "| pc |  |  |  |  | failed: x |",
  );
  expect(kernelsTable(page).split("\n").slice(2)).toEqual([
    "| one | q35 | 1,404 | 1,000 | 6,616 | 5,616 | 2026-11-27 |",
  ]);
  expect(() => kernelsTable(part("two", ...head.slice(0, 2)))).toThrow(
    "the part of two has no table of machine",
  );
});
