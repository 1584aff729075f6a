// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** Where a build folder's state is kept between runs: keys, locks, logs. `.jettison` beside it is the link's own. */
export function stateFile(output: string, name: string): string {
  const folder = join(output, ".jettison-build");
  mkdirSync(folder, { recursive: true });
  return join(folder, name);
}
