// SPDX-License-Identifier: Apache-2.0
/** Reads the machines that an estimate is made for: which components each of them keeps. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { checkDocument } from "../3-component/document.js";
import { nearest } from "../3-component/nearest.js";
import { type Diagnostic, diagnose, fail, failIfAny } from "../diagnostics.js";

export interface Scenarios {
  readonly file: string;
  /** With one `*`: of a section that it matches, what the `*` stands for is the component. */
  readonly sections: string;
  /** Components that scenarios may name whether a listing has them or not. */
  readonly components: readonly string[];
  /** In the order of the file. Without `keeps`: what it leaves are just `leaves`. */
  readonly scenarios: readonly Scenario[];
  readonly said?: Said;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly choice: { readonly keeps: readonly string[] } | { readonly leaves: readonly string[] };
  readonly line: number;
}

/** Statements of a text about the sizes that it gives. */
export interface Said {
  readonly by: string;
  /** Bytes by component. The statements hold for no other sizes. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly pages: readonly {
    readonly scenario: string;
    readonly pages: number;
    readonly words: string;
    readonly note?: string | undefined;
  }[];
  readonly averagePages?: number | undefined;
}

const words = z.string("text is expected here").trim().min(1, "text is expected here");
const names = z.array(words, "a list of components is expected here");
const count = z
  .int("a whole number is expected here")
  .min(0, "a number that is not negative is expected here");

const schema = z.strictObject({
  sections: words
    .refine((pattern) => pattern.split("*").length === 2, "one * has to stand for the component")
    .optional(),
  components: names.optional(),
  scenarios: z
    .record(
      words,
      z
        .strictObject({ title: words.optional(), keeps: names.optional(), leaves: names.optional() })
        .refine(
          ({ keeps, leaves }) => (keeps === undefined) !== (leaves === undefined),
          "a scenario has either keeps or leaves",
        ),
    )
    .refine((all) => Object.keys(all).length > 0, "there is no scenario"),
  said: z
    .strictObject({
      by: words,
      sizes: z.record(words, count),
      pages: z.array(z.strictObject({ scenario: words, pages: count, words, note: words.optional() })),
      averagePages: z.number().optional(),
    })
    .optional(),
});

/** Throws `file-unreadable`, `scenarios-invalid`. */
export function readScenarios(file: string): Scenarios {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    fail("file-unreadable", { file, cause: (error as Error).message });
  }
  const { data, places, issues } = checkDocument(text, schema);
  failIfAny(issues.map((issue) => diagnose("scenarios-invalid", { file, ...issue })));
  const { sections, components, scenarios, said } = data!;
  return {
    file,
    sections: sections ?? ".iommu.*.text",
    components: components ?? [],
    scenarios: Object.entries(scenarios).map(([name, { title, keeps, leaves }]) => ({
      name,
      title: title ?? name,
      choice: keeps === undefined ? { leaves: leaves! } : { keeps },
      line: places.ofKey(["scenarios", name]).line,
    })),
    ...(said === undefined ? {} : { said }),
  };
}

/** A name that is neither in the listing nor in `components` is a slip, and would be counted wrongly in silence. */
export function checkNames({ file, components, scenarios }: Scenarios, listed: ReadonlySet<string>): void {
  const known = new Set([...components, ...listed]);
  const diagnostics: Diagnostic[] = [];
  for (const { choice, line } of scenarios)
    for (const name of "keeps" in choice ? choice.keeps : choice.leaves)
      if (!known.has(name))
        diagnostics.push(diagnose("scenario-component", { file, line, name, near: nearest(name, known) }));
  failIfAny(diagnostics);
}
