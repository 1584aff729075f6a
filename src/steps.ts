// SPDX-License-Identifier: Apache-2.0
/**
 * Runs steps and shows their progress on stderr: stdout is for results. A terminal shows a list that
 * is updated; elsewhere (a log, CI) each step prints at most one plain line every ten seconds.
 */
import { Listr, ListrLogger, ProcessOutput } from "listr2";

/** A part of a long job that is worth telling about. */
export interface Step {
  readonly title: string;
  /** A step reports its progress to `report` at any time; it returns a short summary of its result. */
  readonly run: (report: (text: string) => void) => Promise<string>;
}

const silence = 10_000;

function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

const finished = (step: Step, result: string, started: number) =>
  `${step.title}: ${result} (${formatDuration(performance.now() - started)})`;

async function runOnTerminal(steps: readonly Step[]): Promise<void> {
  const logger = new ListrLogger({
    useIcons: true,
    processOutput: new ProcessOutput(process.stderr, process.stderr),
  });
  const tasks = steps.map((step) => ({
    title: step.title,
    task: async (_: unknown, task: { title: string; output: string }) => {
      const started = performance.now();
      const result = await step.run((text) => {
        task.output = text;
      });
      task.title = finished(step, result, started);
    },
  }));
  await new Listr(tasks, {
    registerSignalListeners: false, // src/process.ts ends the children and this process
    rendererOptions: { logger, showErrorMessage: false },
  }).run();
}

async function runAsLines(steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    const started = performance.now();
    let last = started;
    const result = await step.run((text) => {
      if (performance.now() - last < silence) return;
      last = performance.now();
      process.stderr.write(`${step.title}: ${text}\n`);
    });
    process.stderr.write(`${finished(step, result, started)}\n`);
  }
}

export function runSteps(steps: readonly Step[]): Promise<void> {
  return process.stderr.isTTY ? runOnTerminal(steps) : runAsLines(steps);
}
