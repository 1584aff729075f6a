// SPDX-License-Identifier: Apache-2.0
import { styleText } from "node:util";

export interface TextOptions {
  /** Colours and box characters; plain text otherwise. */
  readonly styled: boolean;
}

export type Colour = (format: Parameters<typeof styleText>[0], text: string) => string;

export const colourOf =
  ({ styled }: TextOptions): Colour =>
  (format, text) =>
    styled ? styleText(format, text, { validateStream: false }) : text;

/** Colours for the fates of a component on a machine. */
export const stateColours = {
  kept: "yellow",
  jettisoned: "green",
  refused: "red",
  withheld: "magenta",
} as const;
