// SPDX-License-Identifier: Apache-2.0

/** Measures the passes of a link. With JETTISON_TIMES set, it prints one line of JSON on standard error. */
export interface Stopwatch {
  /** Ends a pass: what has passed since the last one is its time. */
  lap(pass: string): void;
  report(): void;
}

export function startStopwatch(): Stopwatch {
  const milliseconds: Record<string, number> = {};
  // On a busy machine this figure is more reliable; it includes JavaScript's garbage collector and compiler.
  const processorMilliseconds: Record<string, number> = {};
  let last = performance.now();
  let used = process.cpuUsage();
  return {
    lap(pass) {
      const now = performance.now();
      milliseconds[pass] = Math.round(10 * (now - last)) / 10;
      last = now;
      const { user, system } = process.cpuUsage(used);
      processorMilliseconds[pass] = Math.round((user + system) / 100) / 10;
      used = process.cpuUsage();
    },
    report() {
      if (!process.env.JETTISON_TIMES) return;
      const peakBytes = process.resourceUsage().maxRSS * 1024;
      console.error(JSON.stringify({ milliseconds, processorMilliseconds, peakBytes }));
    },
  };
}
