// SPDX-License-Identifier: Apache-2.0
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const minute = 60_000;

/** Hours, and kernels of its own: only where scripts/torture asks for it. */
const torture =
  process.env.JETTISON_TORTURE === undefined
    ? []
    : [
        {
          extends: true as const,
          test: {
            name: "torture",
            include: ["test/torture/**/*.test.ts"],
            testTimeout: 24 * 60 * minute,
            fileParallelism: false,
          },
        },
      ];

const long = "test/unit/**/*.long.test.ts";

const withoutKernel = {
  // Many run gcc and ld, and files run on all processors at once.
  testTimeout: minute,
  hookTimeout: minute,
  sequence: { groupOrder: 0 },
};

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/closingLine.ts"],
    // Without this, vitest leaves one processor idle.
    maxWorkers: availableParallelism(),
    projects: [
      {
        extends: true,
        test: {
          ...withoutKernel,
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          exclude: [long],
          benchmark: { include: ["bench/**/*.bench.ts"] },
        },
      },
      {
        extends: true,
        test: { ...withoutKernel, name: "long", include: [long], benchmark: { include: [] } },
      },
      {
        extends: true,
        test: {
          // These tests need a built kernel, and run after all others. The first file builds it; the others take it
          // from the cache. Two files run at a time, however many processors there are: the last steps of a link use
          // one each, as guests mostly do.
          name: "kernel",
          include: ["test/kernel/**/*.test.ts"],
          globalSetup: "test/support/shareBuilds.ts",
          benchmark: { include: [] },
          testTimeout: 45 * minute,
          hookTimeout: 45 * minute,
          pool: "forks",
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      ...torture,
    ],
  },
});
