// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withLock } from "../../../src/kernel/lock.js";
import { projectRoot } from "../../../src/root.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("work under one lock never overlaps, and an error lets go of it", async () => {
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} begins`);
    await sleep(30);
    events.push(`${name} ends`);
    if (name === "b") throw new Error("b");
  };
  const path = join(folder, "it");
  const done = await Promise.allSettled(["a", "b", "c"].map((name) => withLock(path, work(name))));
  expect(done.map(({ status }) => status).sort()).toEqual(["fulfilled", "fulfilled", "rejected"]);
  for (let at = 0; at < events.length; at += 2)
    expect(events[at + 1]).toBe(events[at]!.replace("begins", "ends"));
  expect(events.length).toBe(6);
});

test("a process that is killed loses the lock, and is named while it has it", async () => {
  const path = join(folder, "it");
  const script = join(folder, "hold.mjs");
  writeFileSync(
    script,
    `const { withLock } = await import(${JSON.stringify(join(projectRoot, "dist/kernel/lock.js"))});
     await withLock(${JSON.stringify(path)}, async () => {
       console.log("held");
       await new Promise((resolve) => setTimeout(resolve, 60_000));
     });`,
  );
  const holder = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  const waited: number[] = [];
  const mine = withLock(
    path,
    async () => "mine",
    (pid) => {
      waited.push(pid);
      holder.kill("SIGKILL");
    },
  );
  expect(await mine).toBe("mine");
  expect(waited).toEqual([holder.pid]);
});
