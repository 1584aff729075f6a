// SPDX-License-Identifier: Apache-2.0
/** The page's address holds its state, so that it can be sent to somebody: `#unit=…&machine=vtd`. */

export interface Place {
  readonly unit?: string;
  readonly machine?: string;
}

export function readPlace(): Place {
  const given = new URLSearchParams(location.hash.slice(1));
  const unit = given.get("unit");
  const machine = given.get("machine");
  return { ...(unit === null ? {} : { unit }), ...(machine === null ? {} : { machine }) };
}

/** Characters of names of units stay as they are: such a link is read by people. */
export function formatPlace({ unit, machine }: Place): string {
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/%(2F|3A|28|29)/gi, (code) => decodeURIComponent(code));
  const parts = [
    ...(unit === undefined ? [] : [`unit=${encode(unit)}`]),
    ...(machine === undefined ? [] : [`machine=${encode(machine)}`]),
  ];
  return `#${parts.join("&")}`;
}
