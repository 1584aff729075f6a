// SPDX-License-Identifier: Apache-2.0
import { byId, h } from "./dom.js";

export interface Tip {
  /** Beside a place in an element, pixels from its corner. */
  show(over: HTMLElement, x: number, y: number, ...lines: readonly string[]): void;
  hide(): void;
}

/** The item under the pointer, as text. */
export function createTip(): Tip {
  const tip = byId("tip", HTMLElement);
  return {
    show(over, x, y, ...lines) {
      tip.replaceChildren(
        ...lines
          .filter((line) => line !== "")
          .map((line, index) => h(index === 0 ? "strong" : "span", {}, line)),
      );
      tip.hidden = false;
      const box = over.getBoundingClientRect();
      const left = Math.min(box.left + x + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
      tip.style.left = `${Math.max(8, left) + window.scrollX}px`;
      tip.style.top = `${box.top + y + 18 + window.scrollY}px`;
    },
    hide() {
      tip.hidden = true;
    },
  };
}
