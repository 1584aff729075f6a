// SPDX-License-Identifier: Apache-2.0
import type { Recording } from "./film.js";

/**
 * The two files of script(1): all output behind a line of its own, and lines of seconds and bytes that say how it came.
 */
export function readRecording(output: Buffer, timing: string, width: number, height: number): Recording {
  const decoder = new TextDecoder();
  let offset = output.indexOf("\n") + 1;
  const events = timing
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [after, bytes] = line.split(" ").map(Number) as [number, number];
      const text = decoder.decode(output.subarray(offset, offset + bytes), { stream: true });
      offset += bytes;
      return { after, text };
    });
  return { events, width, height };
}
