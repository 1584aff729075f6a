// SPDX-License-Identifier: Apache-2.0
import { type Code, JettisonError } from "../../src/diagnostics.js";

/** The codes of the diagnostics that a call ends with; none where it succeeds. */
export function codesOf(call: () => unknown): Code[] {
  try {
    call();
    return [];
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    return error.diagnostics.map(({ code }) => code);
  }
}
