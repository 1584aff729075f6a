// SPDX-License-Identifier: Apache-2.0
import type { PlannedBuild } from "../passes.js";
import { type ComponentAnswer, explainComponent } from "./explainComponent.js";
import { explainObject, type ObjectAnswer } from "./explainObject.js";
import { createExplainer, type UnitAnswer } from "./explainUnit.js";
import { findSubject } from "./names.js";
import { describeStepsOf } from "./steps.js";

export type Answer = { readonly version: 1; readonly name: string } & (
  | { readonly kind: "component"; readonly answer: ComponentAnswer }
  | { readonly kind: "object"; readonly answer: ObjectAnswer }
  | { readonly kind: "units"; readonly answers: readonly UnitAnswer[] }
);

/** Explains why the thing called `name` stays, leaves or is refused. A name that the build does not have is `name-unknown`. */
export async function explain(planned: PlannedBuild, name: string): Promise<Answer> {
  const describeSteps = describeStepsOf(planned);
  const subject = findSubject(planned, name);
  if (subject.kind === "component") {
    const answer = await explainComponent(planned, subject.component, describeSteps);
    return { version: 1, name, kind: "component", answer };
  }
  const explainer = createExplainer(planned, describeSteps);
  if (subject.kind === "object") {
    const answer = await explainObject(planned, subject.object, subject.units, explainer);
    return { version: 1, name, kind: "object", answer };
  }
  const answers = await Promise.all(subject.units.map((unit) => explainer.explain(unit)));
  return { version: 1, name, kind: "units", answers };
}
