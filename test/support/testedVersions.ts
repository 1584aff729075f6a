// SPDX-License-Identifier: Apache-2.0
/**
 * The kernel versions whose sources a run of the tests reads: 6.12, whose package is installed. Others are downloaded
 * where JETTISON_KERNELS names them: JETTISON_KERNELS=6.1,6.12 npx vitest run --project kernel test/kernel/series.test.ts
 */
import { demoKernel } from "../../src/kernel/series.js";

export const testedVersions = process.env.JETTISON_KERNELS?.split(",") ?? [demoKernel];
