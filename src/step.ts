// SPDX-License-Identifier: Apache-2.0
/** A part of a long job that is worth telling about. */
export interface Step {
  readonly title: string;
  /** `report` is told how far it is, as often as it likes; the result is what came of it, in a few words. */
  readonly run: (report: (text: string) => void) => Promise<string>;
}
