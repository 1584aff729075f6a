// SPDX-License-Identifier: Apache-2.0
import { type Checked, checkDocument } from "./document.js";
import { type RawManifest, schema } from "./schema.js";

/** By their texts: components and packing are read from the same documents, and parsing YAML takes long. */
const checked = new Map<string, Checked<RawManifest>>();

export function checkManifest(text: string): Checked<RawManifest> {
  const found = checked.get(text) ?? checkDocument(text, schema);
  checked.set(text, found);
  return found;
}
