// SPDX-License-Identifier: Apache-2.0
import picomatch from "picomatch";

/** In a name only `*` and `?` are special: a symbol or a section has no folders, and may contain any other character. */
export function isLiteral(pattern: string): boolean {
  return !/[*?]/.test(pattern);
}

type Matcher = (name: string) => boolean;

/** Each function is compared with a gate's pattern. */
const matchers = new Map<string, Matcher>();

export function nameMatcher(pattern: string): Matcher {
  const matcher = matchers.get(pattern) ?? makeNameMatcher(pattern);
  matchers.set(pattern, matcher);
  return matcher;
}

function makeNameMatcher(pattern: string): Matcher {
  if (isLiteral(pattern)) return (name) => name === pattern;
  const source = pattern.replace(/[\\^$.*+?()[\]{}|]/g, (sign) =>
    sign === "*" ? ".*" : sign === "?" ? "." : `\\${sign}`,
  );
  const whole = new RegExp(`^${source}$`, "s");
  const start = /^[^*?]*/.exec(pattern)![0];
  // A kernel has a hundred thousand names: most are ruled out by their start. So with paths below.
  return (name) => name.startsWith(start) && whole.test(name);
}

/** For an object's path from the build's root: `*` and `?` stay within a folder, `**` does not. */
export function pathMatcher(pattern: string): Matcher {
  const whole = picomatch(pattern, {
    dot: true,
    nobrace: true,
    nobracket: true,
    noextglob: true,
    nonegate: true,
  });
  // A sign that may stand for another is not compared here, nor a last slash: a folder's `**` is the folder too.
  const start = (/^(?!\.)[\w/.-]*/.exec(pattern)?.[0] ?? "").replace(/\/$/, "");
  return (path) => path.startsWith(start) && whole(path);
}
