// SPDX-License-Identifier: Apache-2.0
/**
 * Applies the limits of a manifest's parts to some versions of Linux (`since`, `until`). In other versions a rule, an entry of
 * `registers` or a gate does not exist, and a test is false. If the version is not known, the first three do not exist
 * either, because each of them lets something leave; a test is still made.
 */
import { type Component, falsifyTests } from "./component.js";
import { isAmong, type Versions } from "./versions.js";

/** A component as a kernel of a version has it; undefined: the version is not known. */
export function restrictToVersion(component: Component, version: string | undefined): Component {
  const applies = ({ versions }: { readonly versions?: Versions }) =>
    versions === undefined || (version !== undefined && isAmong(versions, version));
  const { code, inUse, registers, gates } = component;
  return {
    ...component,
    code: code.filter(applies),
    inUse: falsifyTests(inUse, (test) => version !== undefined && !applies(test)),
    ...(registers === undefined ? {} : { registers: registers.filter(applies) }),
    gates: gates.filter(applies),
  };
}
