// SPDX-License-Identifier: Apache-2.0
/**
 * The arithmetic of "Modularizing IOMMUs" on a section listing: each component begins on a page of its own, and
 * a machine gets back the pages of components that it does not keep. Whether they could leave is not considered.
 */

import { nameMatcher } from "../3-component/pattern.js";
import { fail } from "../diagnostics.js";
import { sum } from "../sum.js";
import { pageSize } from "../x86/x86.js";
import type { Listing } from "./listing.js";
import { checkNames, type Scenario, type Scenarios } from "./scenarios.js";

export interface Estimate {
  /** In the order of the listing. Sections of one component are one. */
  readonly components: readonly {
    readonly component: string;
    readonly bytes: number;
    readonly pages: number;
  }[];
  readonly bytes: number;
  readonly scenarios: readonly {
    readonly scenario: string;
    readonly title: string;
    readonly leaves: readonly string[];
    readonly pages: number;
  }[];
  /** Over the scenarios, not rounded. */
  readonly averagePages: number;
  /** Differences between these figures and the text from which they come. */
  readonly disagreements: readonly string[];
}

/** Throws `listing-no-component`, `scenario-component`. */
export function estimate(file: string, listing: Listing, scenarios: Scenarios): Estimate {
  const bytesByComponent = collectBytes(listing, scenarios.sections);
  if (bytesByComponent.size === 0)
    fail("listing-no-component", {
      file,
      pattern: scenarios.sections,
      names: [...new Set(listing.sections.map(({ name }) => name))].slice(0, 5),
    });
  checkNames(scenarios, new Set(bytesByComponent.keys()));

  const components = [...bytesByComponent].map(([component, bytes]) => ({
    component,
    bytes,
    pages: Math.ceil(bytes / pageSize),
  }));
  const outcomes = scenarios.scenarios.map((scenario) => {
    const leaving = components.filter(({ component }) => isLeaving(scenario, component));
    return {
      scenario: scenario.name,
      title: scenario.title,
      leaves: leaving.map(({ component }) => component),
      pages: sum(leaving.map(({ pages }) => pages)),
    };
  });
  const counted = {
    components,
    bytes: sum(components.map(({ bytes }) => bytes)),
    scenarios: outcomes,
    averagePages: sum(outcomes.map(({ pages }) => pages)) / outcomes.length,
  };
  return { ...counted, disagreements: findDisagreements(counted, scenarios) };
}

const isLeaving = ({ choice }: Scenario, component: string) =>
  "keeps" in choice ? !choice.keeps.includes(component) : choice.leaves.includes(component);

function collectBytes({ format, sections }: Listing, pattern: string): Map<string, number> {
  const matches = nameMatcher(pattern);
  const [before, after] = pattern.split("*") as [string, string];
  const found = new Map<string, number>();
  for (const { name, bytes } of sections) {
    // Names written by hand are those of components.
    if (!matches(name) && format !== "name bytes") continue;
    const component = matches(name) ? name.slice(before.length, name.length - after.length) : name;
    found.set(component, (found.get(component) ?? 0) + bytes);
  }
  return found;
}

function findDisagreements(
  { components, scenarios, averagePages }: Omit<Estimate, "disagreements">,
  { said }: Scenarios,
): string[] {
  if (said === undefined) return [];
  const isItsOwn =
    components.length === Object.keys(said.sizes).length &&
    components.every(({ component, bytes }) => said.sizes[component] === bytes);
  if (!isItsOwn) return [];
  const found: string[] = [];
  for (const { scenario, pages, words, note } of said.pages) {
    const outcome = scenarios.find((one) => one.scenario === scenario);
    if (outcome !== undefined && outcome.pages !== pages)
      found.push(
        `${said.by} says "${words}" of ${outcome.title}; by its own sizes it is ${outcome.pages}.${note === undefined ? "" : ` ${note}`}`,
      );
  }
  if (said.averagePages !== undefined && said.averagePages !== averagePages)
    found.push(
      `${said.by} says ${said.averagePages} pages on average; by its own sizes it is ${averagePages}.`,
    );
  return found;
}
