// SPDX-License-Identifier: Apache-2.0
/**
 * Locks a folder of the cache for one process, or for any number of processes that only read it. The lock is the kernel's own (flock), held
 * by a child that lives as long as our end of its pipe: however this process ends, the lock goes with it, so no lock is
 * ever stale. The file remains, and has no meaning when nobody holds the lock.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fail } from "../diagnostics.js";

/** Milliseconds of waiting for a lock after which `onWait` is called. */
const waitNoticeDelay = 300;

/** Runs `work` while holding `<path>.lock`. `onWait` gets the id of the process that holds it, if another one does. */
export const withLock = <T>(path: string, work: () => Promise<T>, onWait?: (pid: number) => void) =>
  holdLock(path, "--exclusive", work, onWait);

/** The same for work that several processes may do at once, while none holds the lock exclusively. */
export const withSharedLock = <T>(path: string, work: () => Promise<T>, onWait?: (pid: number) => void) =>
  holdLock(path, "--shared", work, onWait);

async function holdLock<T>(
  path: string,
  how: "--exclusive" | "--shared",
  work: () => Promise<T>,
  onWait?: (pid: number) => void,
): Promise<T> {
  const file = `${path}.lock`;
  mkdirSync(dirname(file), { recursive: true });
  const holder = spawn("flock", [how, file, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "ignore"],
    detached: true, // the terminal's Ctrl-C is not for it: it has to outlive what is being ended
  });
  const timer = setTimeout(() => onWait?.(Number(readFileSync(file, "utf8"))), waitNoticeDelay);
  try {
    await Promise.race([
      once(holder.stdout, "data"),
      once(holder, "exit").then(([code]) => {
        throw new Error(`flock ended with exit code ${code}`);
      }),
    ]).catch((error: Error) =>
      fail("command-failed", {
        command: `flock ${file}`,
        status: "did not get the lock",
        tail: error.message,
      }),
    );
    clearTimeout(timer);
    writeFileSync(file, `${process.pid}\n`);
    return await work();
  } finally {
    clearTimeout(timer);
    holder.stdin.end();
  }
}
