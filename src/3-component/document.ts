// SPDX-License-Identifier: Apache-2.0
/** A YAML file of a known form: its value, or everything that is wrong in it, each with its place. */
import { type Document, isMap, isNode, isScalar, LineCounter, type Node, parseDocument, visit } from "yaml";
import type { z } from "zod";
import { flattenIssue, type Path } from "./schema.js";

/** Lines and columns count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Checked<T> {
  /** Absent where anything is wrong. */
  readonly data?: T;
  readonly places: Places;
  readonly issues: readonly (Place & { readonly what: string })[];
}

export function checkDocument<T>(text: string, schema: z.ZodType<T>): Checked<T> {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const places = new Places(document, counter);
  const issues: (Place & { what: string })[] = [];
  const wrong = (place: Place, what: string) => issues.push({ ...place, what });

  // A key that is given twice leaves a document whose rest can still be checked; bad YAML does not.
  let readable = true;
  for (const { code, pos, message } of [...document.errors, ...document.warnings]) {
    if (code === "DUPLICATE_KEY")
      wrong(places.at(pos[0]), `${text.slice(...pos).split(/[\s:]/, 1)[0]} is given twice`);
    else {
      wrong(places.at(pos[0]), message.replace(/\.$/, ""));
      readable = false;
    }
  }
  visit(document, {
    Alias: (_, node) => {
      wrong(places.at(node.range?.[0] ?? 0), "aliases are not part of the form");
      readable = false;
    },
    // YAML reads that as null, which is a gate's answer, although nobody gave one.
    Pair: (_, pair) => {
      if (isNode(pair.key) && (pair.value === null || (isScalar(pair.value) && pair.value.source === "")))
        wrong(places.at(pair.key.range?.[0] ?? 0), `${String(pair.key)} is given nothing`);
    },
  });

  const parsed = readable ? schema.safeParse(document.toJS()) : undefined;
  for (const { path, what, atKey } of parsed?.error?.issues.flatMap((issue) => flattenIssue(issue)) ?? [])
    wrong(atKey ? places.ofKey(path) : places.of(path), what);

  issues.sort((a, b) => a.line - b.line || a.column - b.column);
  return {
    places,
    issues,
    ...(parsed?.data === undefined || issues.length > 0 ? {} : { data: parsed.data }),
  };
}

/** Where the parts of one document stand. A part that is missing stands where what should hold it stands. */
export class Places {
  constructor(
    private readonly document: Document,
    private readonly counter: LineCounter,
  ) {}

  at(offset: number): Place {
    const { line, col } = this.counter.linePos(offset);
    return { line, column: col };
  }

  of(path: Path): Place {
    for (let length = path.length; length > 0; length--) {
      const node = this.document.getIn(path.slice(0, length), true);
      if (!isNode(node)) continue;
      // A missing key is reported at the key that names the mapping.
      return length < path.length && isMap(node) ? this.ofKey(path.slice(0, length)) : this.ofNode(node);
    }
    return this.at(0);
  }

  ofKey(path: Path): Place {
    const holder = path.length > 1 ? this.document.getIn(path.slice(0, -1), true) : this.document.contents;
    const pair = isMap(holder)
      ? holder.items.find((one) => isNode(one.key) && String(one.key) === String(path.at(-1)))
      : undefined;
    return isNode(pair?.key) ? this.ofNode(pair.key) : this.of(path);
  }

  private ofNode(node: Node): Place {
    return this.at(node.range?.[0] ?? 0);
  }
}
