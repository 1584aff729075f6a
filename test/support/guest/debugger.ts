// SPDX-License-Identifier: Apache-2.0
/** QEMU as a debugger, by the remote protocol of gdb: calls of a kernel function fail without its being entered. */
import { existsSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Options of QEMU with which the machine waits at a socket for its debugger before it starts. */
export const debuggedBy = (socket: string): string[][] => [
  ["-S"],
  ["-chardev", `socket,id=debugger,path=${socket},server=on,wait=off`],
  ["-gdb", "chardev:debugger"],
];

/** The registers of the `g` packet of x86-64, eight bytes each: rax first. */
const [rax, rsp, rip] = [0, 7, 16];

/**
 * Starts the machine and follows it to its end.
 * @param address of the function, as linked
 * @param answer what a call gets, in place of being made; undefined lets it go on. `call` counts from 0
 * @returns how often it was called
 */
export async function interceptCalls(
  path: string,
  address: bigint,
  answer: (call: number) => bigint | undefined,
): Promise<number> {
  while (!existsSync(path)) await sleep(20);
  const socket = connect(path);
  const packets = readPackets(socket);
  const send = (text: string) => {
    const sum = Buffer.from(text).reduce((total, byte) => total + byte, 0) & 255;
    socket.write(`$${text}#${sum.toString(16).padStart(2, "0")}`);
  };
  const ask = async (text: string) => {
    send(text);
    const { value } = await packets.next();
    return value ?? "";
  };
  const demand = async (text: string) => {
    const reply = await ask(text);
    if (reply !== "OK") throw new Error(`QEMU's debugger answers "${reply}" to ${text.slice(0, 40)}`);
  };
  const breakpoint = `1,${address.toString(16)},1`;
  await demand(`Z${breakpoint}`);
  let calls = 0;
  // A packet that tells of the machine's end, or none any more, ends it.
  while ((await ask("c")).startsWith("T")) {
    const wanted = answer(calls++);
    if (wanted === undefined) {
      await demand(`z${breakpoint}`);
      await ask("s");
      await demand(`Z${breakpoint}`);
      continue;
    }
    const registers = Buffer.from(await ask("g"), "hex");
    const stack = registers.readBigUInt64LE(rsp * 8);
    const caller = Buffer.from(await ask(`m${stack.toString(16)},8`), "hex");
    registers.writeBigInt64LE(wanted, rax * 8);
    registers.writeBigUInt64LE(stack + 8n, rsp * 8);
    caller.copy(registers, rip * 8);
    await demand(`G${registers.toString("hex")}`);
  }
  socket.destroy();
  return calls;
}

async function* readPackets(socket: Socket): AsyncGenerator<string> {
  let text = "";
  socket.on("error", () => {}); // the machine has ended
  for await (const chunk of socket) {
    text += String(chunk);
    for (let packet = /\$([^#]*)#../.exec(text); packet !== null; packet = /\$([^#]*)#../.exec(text)) {
      text = text.slice(packet.index + packet[0].length);
      socket.write("+");
      yield packet[1]!;
    }
  }
}
