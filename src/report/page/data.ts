// SPDX-License-Identifier: Apache-2.0

import { unpackReport } from "../../model/packReport.js";
import type { PageData, ReportData } from "../html.js";
import { byId } from "./dom.js";

/** The report's data lies in the page as gzip in base64: a quarter of its size. */
export async function readData(): Promise<PageData> {
  const bytes = decode(byId("data", HTMLScriptElement).textContent);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return unpackReport<ReportData>(await new Response(stream).arrayBuffer());
}

/** Base64; by the browser where it knows how (2025), which is ten times as fast. */
function decode(text: string): Uint8Array<ArrayBuffer> {
  const { fromBase64 } = Uint8Array as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> };
  if (fromBase64 !== undefined) return fromBase64.call(Uint8Array, text);
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let index = 0; index < characters.length; index++) bytes[index] = characters.charCodeAt(index);
  return bytes;
}
