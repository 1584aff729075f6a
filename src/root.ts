// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from "node:url";

/** The folder of package.json; the same number of levels up from `src` and from `dist`. */
export const projectRoot = fileURLToPath(new URL("..", import.meta.url));
