// SPDX-License-Identifier: Apache-2.0
import picomatch from "picomatch";

/** In a name only `*` and `?` are special: a symbol or a section has no folders, and may hold any other sign. */
export function isLiteral(pattern: string): boolean {
  return !/[*?]/.test(pattern);
}

export function nameMatcher(pattern: string): (name: string) => boolean {
  if (isLiteral(pattern)) return (name) => name === pattern;
  const source = pattern.replace(/[\\^$.*+?()[\]{}|]/g, (sign) =>
    sign === "*" ? ".*" : sign === "?" ? "." : `\\${sign}`,
  );
  const whole = new RegExp(`^${source}$`, "s");
  const start = /^[^*?]*/.exec(pattern)![0];
  // A kernel has a hundred thousand names: most are ruled out by their start.
  return (name) => name.startsWith(start) && whole.test(name);
}

/** For an object's path from the build's root: `*` and `?` stay within a folder, `**` does not. */
export function pathMatcher(pattern: string): (path: string) => boolean {
  return picomatch(pattern, { dot: true, nobrace: true, nobracket: true, noextglob: true, nonegate: true });
}
