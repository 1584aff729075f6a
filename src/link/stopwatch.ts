// SPDX-License-Identifier: Apache-2.0

/** Where the time of a link goes. With JETTISON_TIMES set, one line of JSON on standard error tells. */
export interface Stopwatch {
  /** Ends a pass: what has passed since the last one is its time. */
  lap(pass: string): void;
  report(): void;
}

export function startStopwatch(): Stopwatch {
  const milliseconds: Record<string, number> = {};
  let last = performance.now();
  return {
    lap(pass) {
      const now = performance.now();
      milliseconds[pass] = Math.round(10 * (now - last)) / 10;
      last = now;
    },
    report() {
      if (!process.env.JETTISON_TIMES) return;
      const peakBytes = process.resourceUsage().maxRSS * 1024;
      console.error(JSON.stringify({ milliseconds, peakBytes }));
    },
  };
}
