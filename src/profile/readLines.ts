// SPDX-License-Identifier: Apache-2.0
/** Reads machines from files of JSON Lines, some at a time: no file is ever in memory as a whole. */
import { createReadStream } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { fail } from "../diagnostics.js";
import { type Facts, readFacts } from "./facts.js";

/** Far more than any machine's profile: a file without line ends is not a list of profiles. */
const longestLine = 16 * 2 ** 20;

/** Some machines at a time: to wait for each costs more than to predict it. `-` is standard input. Throws `file-unreadable`, `profile-invalid`. */
export async function* readMachines(files: readonly string[]): AsyncGenerator<readonly Facts[]> {
  for (const file of files) {
    let line = 0;
    for await (const lines of readLineBatches(file)) {
      const machines: Facts[] = [];
      for (const text of lines) {
        line++;
        if (text.trim() !== "") machines.push(readMachine(file, line, text));
      }
      yield machines;
    }
  }
}

async function* readLineBatches(file: string): AsyncGenerator<string[]> {
  const stream = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: 2 ** 18 });
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let seen = 0;
  try {
    for await (const chunk of stream) {
      const lines = (rest + decoder.write(chunk as Buffer)).split("\n");
      rest = lines.pop()!;
      seen += lines.length;
      if (rest.length > longestLine)
        fail("profile-invalid", {
          file,
          line: seen + 1,
          what: `it is longer than ${longestLine} characters`,
        });
      yield lines;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code !== "string" || !/^E[A-Z]+$/.test(code)) throw error;
    fail("file-unreadable", { file, cause: code === "ENOENT" ? "it does not exist" : code });
  }
  yield [rest + decoder.end()];
}

function readMachine(file: string, line: number, text: string): Facts {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    fail("profile-invalid", { file, line, what: (error as Error).message });
  }
  const read = readFacts(value);
  return "facts" in read ? read.facts : fail("profile-invalid", { file, line, what: read.what });
}
