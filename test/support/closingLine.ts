// SPDX-License-Identifier: Apache-2.0
import type { Reporter, TestModule } from "vitest/node";

/** Ends the output with one plain line of counts. In CI a test that was skipped is one that failed. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) count[test.result().state]++;
      if (module.errors().length > 0) count.failed++;
    }
    const skipped = count.skipped + count.pending;
    if (process.env.CI && skipped > 0) {
      console.error(`${skipped} tests were skipped, which CI takes for a failure`);
      process.exitCode = 1;
    }
    // After the summary of the reporter before this one.
    process.once("exit", () =>
      process.stdout.write(`tests: ${count.passed} passed, ${count.failed} failed, ${skipped} skipped\n`),
    );
  }
}
