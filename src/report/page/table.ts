// SPDX-License-Identifier: Apache-2.0
import { type Child, h } from "./dom.js";

export interface Column {
  readonly title: Child;
  readonly isNumber?: boolean;
  readonly isChosen?: boolean;
}

export interface TableOptions {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Child[])[];
  /** Shown at first; a button shows as many more. */
  readonly most?: number;
  readonly foot?: readonly Child[];
}

/** A table that scrolls sideways where it has to, by keyboard too. The first column heads its row. */
export function makeTable({ caption, columns, rows, most = 25, foot }: TableOptions): HTMLElement {
  const align = (index: number) => {
    const { isNumber = false, isChosen = false } = columns[index]!;
    const names = [...(isNumber ? ["number"] : []), ...(isChosen ? ["chosen"] : [])];
    return names.length > 0 ? names.join(" ") : undefined;
  };
  const makeRow = (cells: readonly Child[]) =>
    h(
      "tr",
      {},
      ...cells.map((cell, index) =>
        index === 0
          ? h("th", { scope: "row", class: align(index) }, cell)
          : h("td", { class: align(index) }, cell),
      ),
    );
  const body = h("tbody", {}, ...rows.slice(0, most).map(makeRow));
  const table = h(
    "table",
    {},
    h("caption", {}, h("span", {}, caption)),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...columns.map(({ title }, index) => h("th", { scope: "col", class: align(index) }, title)),
      ),
    ),
    body,
    foot === undefined ? undefined : h("tfoot", {}, makeRow(foot)),
  );
  const frame = h("div", { class: "table", role: "region", tabindex: "0", "aria-label": caption }, table);
  if (rows.length <= most) return frame;
  let shown = most;
  const label = () => `Show ${Math.min(most * 4, rows.length - shown)} more of ${rows.length}`;
  const button = h("button", { type: "button", class: "more" }, label());
  button.addEventListener("click", () => {
    const next = rows.slice(shown, shown + most * 4);
    body.append(...next.map(makeRow));
    shown += next.length;
    if (shown >= rows.length) button.remove();
    else button.textContent = label();
  });
  return h("div", {}, frame, button);
}
