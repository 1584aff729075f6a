// SPDX-License-Identifier: Apache-2.0
/** The report in a browser: what is shown follows from the machine, the unit and the group that are chosen. */
import type { PageData, ReportMachine } from "../html.js";
import { decideFates, type Fates, fates, fateTitles, pagesOfPadding } from "../model/fates.js";
import { drawLedger, groupNames } from "../model/ledger.js";
import { drawPages, pageUses } from "../model/pages.js";
import { createKeeper, findUnit, objectOf, readUnits, unitKey, unitName } from "../model/units.js";
import { formatPlace, readPlace } from "./address.js";
import { readData } from "./data.js";
import { makeDetail } from "./detail.js";
import { byId, type Child, h, isWide } from "./dom.js";
import {
  makeComponentTable,
  makeExportTable,
  makeGateTable,
  makeMachineTable,
  makePinTable,
  makeRefusalList,
  makeSectionTable,
  makeSums,
} from "./facts.js";
import { type FateSums, type FlatMap, isClosed, layOut, openObject, sumChildren, sumFates } from "./flat.js";
import { count, kilobytes, plural, share, size } from "./format.js";
import { createSearch } from "./search.js";
import { createStrip, type Strip } from "./strip.js";
import { makeTable } from "./table.js";
import { createTreemap, isGroup } from "./treemap.js";

const anyMachine = "A machine that needs none of it";

function start({ plan, machines, build, imports }: PageData): void {
  const units = readUnits(plan);
  const keeper = createKeeper(units);
  const ledger = drawLedger(units);
  const search = createSearch(units);
  let machine: ReportMachine | undefined;
  let decided: Fates = decideFates(units, undefined);
  let unit: number | undefined;
  let map: FlatMap;
  let sums: FateSums;
  /** The group whose contents the table beside the map lists. */
  let group = 0;
  /** The node of the object that shows a unit; -1: none does. */
  const objectOfUnit = new Int32Array(units.unitCount).fill(-1);

  const put = (id: string, ...children: readonly Child[]) =>
    byId(id, HTMLElement).replaceChildren(...children.filter((child) => child !== undefined));
  const tip = byId("tip", HTMLElement);
  const machineTitle = () => machine?.title ?? anyMachine;

  // The map

  const canvas = byId("map", HTMLCanvasElement);
  const treemap = createTreemap(canvas, {
    onSelect(node) {
      const tile = map.tiles[node]!;
      if (tile.unit !== undefined) chooseUnit(tile.unit, false);
      else openGroup(isGroup(tile) ? node : map.parent[node]!, false);
    },
    onHover(node, x, y) {
      const tile = node === undefined ? undefined : map.tiles[node];
      if (tile === undefined) {
        tip.hidden = true;
        return;
      }
      const object = tile.unit === undefined ? "" : objectOf(units, tile.unit);
      showTip(
        canvas,
        x,
        y,
        tile.name,
        `${size(tile.bytes)}, ${fateTitles[fates[sums.most[node!]!]!].toLowerCase()}`,
        object,
      );
    },
    onOpen: open,
    onDraw({ tiles, bytes, inView }) {
      put(
        "hidden",
        tiles === 0
          ? `All ${count(inView)} tiles in view are drawn.`
          : `${count(inView - tiles)} of ${count(inView)} tiles in view are drawn; ${count(tiles)} of ${size(bytes)} in all are too small at this size and are drawn with their group. Zoom in, or look them up.`,
      );
    },
  });

  function layOutMap(): void {
    const chosen = map?.tiles[group];
    map = layOut(ledger.root, canvas.clientHeight / canvas.clientWidth);
    sums = sumFates(map, decided, plan.columns.bytes);
    objectOfUnit.fill(-1);
    map.tiles.forEach((tile, node) => {
      for (const one of tile.units ?? []) objectOfUnit[one] = node;
    });
    group = chosen === undefined ? 0 : map.tiles.indexOf(chosen);
    treemap.show(map, sums);
  }

  function open(node: number): void {
    if (!isClosed(map, node)) return;
    openObject(map, node);
    sumChildren(sums, map, node, decided);
  }

  function nodeOfUnit(wanted: number): number {
    const object = objectOfUnit[wanted]!;
    if (object < 0) return -1;
    open(object);
    const first = map.firstChild[object]!;
    for (let node = first; node < first + map.childCount[object]!; node++)
      if (map.tiles[node]!.unit === wanted) return node;
    return -1;
  }

  function showTip(over: HTMLElement, x: number, y: number, ...lines: readonly string[]): void {
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
  }

  function openGroup(node: number, isMoved: boolean): void {
    group = node;
    open(node);
    if (isMoved) treemap.focus(node);
    showGroup();
  }

  function showGroup(): void {
    const path: number[] = [];
    for (let node = group; node >= 0; node = map.parent[node]!) path.unshift(node);
    const crumb = (node: number) => {
      const button = h("button", { type: "button", class: "link" }, map.tiles[node]!.name);
      button.addEventListener("click", () => openGroup(node, true));
      return button;
    };
    put(
      "path",
      ...path.map((node, index) =>
        h(
          "li",
          {},
          index === path.length - 1
            ? h("span", { "aria-current": "true" }, map.tiles[node]!.name)
            : crumb(node),
        ),
      ),
    );
    const { bytes } = map.tiles[group]!;
    const first = map.firstChild[group]!;
    const children = Array.from({ length: map.childCount[group]! }, (_, index) => first + index);
    const freed = (node: number) => sums.sums[node * fates.length + fates.indexOf("freed")]!;
    const name = (node: number): Child => {
      const tile = map.tiles[node]!;
      const key = h("span", { class: `key ${fates[sums.most[node]!]!}`, "aria-hidden": "true" });
      if (tile.unit !== undefined) return h("span", {}, key, link(tile.unit));
      if (!isGroup(tile)) return h("span", {}, key, tile.name);
      const button = h("button", { type: "button", class: "link" }, tile.name);
      button.addEventListener("click", () => openGroup(node, true));
      return h("span", {}, key, button);
    };
    put(
      "contents",
      makeTable({
        caption: `Contents of ${map.tiles[group]!.name}`,
        columns: [
          { title: "Part" },
          { title: "Size", isNumber: true },
          { title: "Share", isNumber: true },
          { title: "Freed here", isNumber: true },
        ],
        rows: children.map((node) => [
          name(node),
          size(map.tiles[node]!.bytes),
          share(map.tiles[node]!.bytes, bytes),
          size(freed(node)),
        ]),
        most: 15,
        foot: ["Sum", size(bytes), "100%", size(freed(group))],
      }),
    );
  }

  // Units

  function link(to: number): HTMLElement {
    const anchor = h(
      "a",
      { href: formatPlace({ unit: unitKey(units, to), ...placeOfMachine() }), title: unitKey(units, to) },
      unitName(units, to),
    );
    return anchor;
  }

  const placeOfMachine = () => (machine === undefined ? {} : { machine: machine.machine });

  function chooseUnit(chosen: number, isMoved: boolean): void {
    const place = formatPlace({ unit: unitKey(units, chosen), ...placeOfMachine() });
    // pushState tells nobody: a link does, and gets here by its event.
    if (location.hash !== place) history.pushState(null, "", place);
    unit = chosen;
    showUnit(isMoved);
  }

  function showUnit(isMoved: boolean): void {
    const node = unit === undefined ? -1 : nodeOfUnit(unit);
    treemap.select(node < 0 ? undefined : node);
    if (unit === undefined) {
      put(
        "unit",
        h(
          "p",
          { class: "hint" },
          "Choose a tile of the map, or search for a function, an object or a section, to see who owns it, what refers to it and what keeps it.",
        ),
      );
      return;
    }
    if (node >= 0) {
      group = map.parent[node]!;
      showGroup();
      if (isMoved) treemap.focus(node);
    }
    const extra =
      node < 0
        ? h(
            "p",
            { class: "hint" },
            "It has no tile of its own: the link merges it with others or leaves it out.",
          )
        : undefined;
    put(
      "unit",
      ...makeDetail(unit, { units, keeper, fates: decided, machineTitle: machineTitle(), link }),
      extra,
    );
    if (isMoved && !isWide()) byId("unit", HTMLElement).scrollIntoView({ block: "nearest" });
  }

  // Machines

  const pages = plan.image === undefined ? undefined : drawPages(plan, plan.image);
  const strip: Strip | undefined =
    pages === undefined
      ? undefined
      : createStrip(byId("strip", HTMLCanvasElement), pages, (page, x, y) => {
          if (page === undefined) {
            tip.hidden = true;
            return;
          }
          const region = pages.region[page]!;
          const section = plan.image!.sections[pages.section[page]!];
          const use = pageUses[pages.use[page]!]!;
          const what =
            region >= 0
              ? `region ${plan.regions[region]!.name} of ${plan.regions[region]!.owners.join(" and ")}, ${decided.isFreed(region) ? "freed" : "kept"}`
              : use === "boot"
                ? "freed by the kernel anyway"
                : use;
          const address = BigInt(plan.image!.address) + BigInt(page) * 4096n;
          showTip(
            byId("strip", HTMLElement),
            x,
            y,
            `0x${address.toString(16)}`,
            what,
            section?.name ?? "between sections",
          );
        });

  function decide(name: string | undefined): void {
    machine = machines.find((one) => one.machine === name);
    decided = decideFates(units, machine);
  }

  function showMachine(): void {
    for (const input of document.querySelectorAll<HTMLInputElement>("#machines input"))
      input.checked = input.value === (machine?.machine ?? "");
    strip?.show(decided);
    showHeadline();
    showLegend();
    showRegions();
    showMachineTable();
    showGroup();
    showUnit(false);
  }

  function chooseMachine(name: string | undefined): void {
    decide(name);
    sums = sumFates(map, decided, plan.columns.bytes);
    treemap.recolour(sums);
    showMachine();
  }

  function switchMachine(name: string): void {
    const place = {
      ...(unit === undefined ? {} : { unit: unitKey(units, unit) }),
      ...(name === "" ? {} : { machine: name }),
    };
    history.replaceState(null, "", formatPlace(place));
    chooseMachine(name === "" ? undefined : name);
  }

  function makeSwitch(): void {
    const option = (value: string, title: string, note: string) =>
      h(
        "label",
        {},
        h("input", { type: "radio", name: "machine", value, change: () => switchMachine(value) }),
        h("span", {}, title, h("small", {}, note)),
      );
    put(
      "machines",
      option("", anyMachine, "all that can leave"),
      ...machines.map((one) => option(one.machine, one.title, `${plural(one.pagesFreed, "page")} freed`)),
    );
  }

  function showHeadline(): void {
    const card = (title: string, value: string, note: string) =>
      h(
        "div",
        { class: "card" },
        h("dt", {}, title),
        h("dd", {}, h("strong", { class: "value" }, value), h("span", { class: "note" }, note)),
      );
    const freed = machine?.pagesFreed ?? decided.pagesFreed;
    const all = plan.regions.reduce((total, region) => total + region.pages, pagesOfPadding(plan));
    const cards = [
      card("Freed", plural(freed, "page"), `${size(freed * 4096)} of ${size(all * 4096)} that can leave`),
      card(
        "Components",
        count(plan.components.filter(({ state }) => state === "planned").length),
        `${plural(plan.refusals.length, "refusal")}, ${plural(plan.pins.length, "pin")}, ${plural(plan.gates.length, "gate")}`,
      ),
    ];
    if (machine !== undefined) {
      const { memTotalOff, memTotalOn, selftest } = machine;
      cards.push(
        memTotalOff === undefined
          ? card("MemTotal", kilobytes(memTotalOn), "with what was freed")
          : card(
              "MemTotal",
              `+${kilobytes(memTotalOn - memTotalOff)}`,
              `${kilobytes(memTotalOff)} off, ${kilobytes(memTotalOn)} on`,
            ),
      );
      if (selftest !== undefined)
        cards.push(
          card(
            "Self-test",
            selftest.failures > 0
              ? plural(selftest.failures, "failure")
              : selftest.pages === 0
                ? "nothing freed"
                : "passed",
            `${plural(selftest.pages, "page")} checked`,
          ),
        );
    } else {
      cards.push(
        card(
          "Image",
          size(ledger.root.bytes),
          plan.image === undefined
            ? "sections of all objects; there is no linked kernel"
            : "from its first byte to its last",
        ),
      );
    }
    put("headline", ...cards);
    put(
      "whose",
      machine === undefined ? "On a machine that needs none of the components" : `On ${machine.title}`,
    );
  }

  function showLegend(): void {
    put(
      "legend",
      ...fates.map((fate, index) => {
        const bytes = sums.sums[index]!;
        return bytes === 0
          ? undefined
          : h(
              "li",
              {},
              h("span", { class: `key ${fate}`, "aria-hidden": "true" }),
              `${fateTitles[fate]} `,
              h("span", { class: "number" }, size(bytes)),
            );
      }),
    );
  }

  function showRegions(): void {
    put(
      "regions",
      ...plan.regions.map(({ name, owners, kind, pages: some }, index) => {
        const isFreed = decided.isFreed(index);
        const item = h(
          "li",
          { class: isFreed ? "region freed" : "region kept", title: `region ${name}, ${kind}` },
          h("strong", {}, owners.join(" + ")),
          h("span", {}, `${plural(some, "page")} of ${kind}, ${isFreed ? "freed" : "kept"}`),
        );
        item.style.flexGrow = String(some);
        return item;
      }),
    );
  }

  function showMachineTable(): void {
    put(
      "results",
      machines.length === 0
        ? h(
            "p",
            { class: "hint" },
            "This report was made without results of boots: jettison report PLAN demo.json adds them.",
          )
        : makeMachineTable(plan, machines, machine?.machine, switchMachine),
    );
  }

  // Search

  const input = byId("search", HTMLInputElement);
  let waiting = 0;
  function showFound(): void {
    const { units: found, total } = search(input.value);
    const isEmpty = input.value.trim() === "";
    put(
      "found",
      ...found.map((one) =>
        h("li", {}, link(one), h("small", {}, `${objectOf(units, one)}, ${size(plan.columns.bytes[one]!)}`)),
      ),
    );
    put(
      "found-count",
      isEmpty
        ? ""
        : total === 0
          ? "Nothing has such a name."
          : total > found.length
            ? `${count(total)} found, the first ${found.length} are listed.`
            : `${count(total)} found.`,
    );
  }
  input.addEventListener("input", () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(showFound, 80);
  });
  byId("search-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const first = search(input.value).units[0];
    showFound();
    if (first !== undefined) chooseUnit(first, true);
  });

  // Everything else follows the address.

  function followAddress(): void {
    const place = readPlace();
    unit = place.unit === undefined ? undefined : findUnit(units, place.unit);
    if (place.machine !== machine?.machine) chooseMachine(place.machine);
    showUnit(true);
    if (place.unit !== undefined && unit === undefined)
      put("unit", h("p", { class: "hint" }, `This build has no unit ${place.unit}.`));
  }

  put("build", build === undefined ? "" : build);
  put(
    "about",
    `${count(plan.totals.objects)} objects, ${count(plan.totals.units)} sections, ${count(Object.values(plan.totals.references).reduce((total, one) => total + one, 0))} references`,
  );
  makeSwitch();
  const gated = new Map<string, number>();
  for (let one = 0; one < units.unitCount; one++) if (units.isOwned(one)) gated.set(unitKey(units, one), one);
  put("components", makeComponentTable(plan));
  put(
    "gates",
    makeGateTable(plan, (object, name) => {
      const found = gated.get(`${object}:(.text.${name})`);
      return found === undefined ? name : link(found);
    }),
  );
  put(
    "exports",
    plan.exports.length === 0
      ? h("p", { class: "hint" }, "No component exports anything.")
      : makeExportTable(plan, imports, (key) => (gated.has(key) ? link(gated.get(key)!) : key)),
  );
  put("pins", plan.pins.length === 0 ? h("p", { class: "hint" }, "Nothing is pinned.") : makePinTable(plan));
  const refusals = makeRefusalList(plan).filter((child) => child !== undefined);
  put("refusals", ...(refusals.length === 0 ? [h("p", { class: "hint" }, "Nothing is refused.")] : refusals));
  put("sums", ...makeSums(ledger));
  put("sections", makeSectionTable(plan));
  if (pages === undefined) byId("memory", HTMLElement).hidden = true;

  decide(readPlace().machine);
  layOutMap();
  showMachine();
  followAddress();
  showFound();
  byId("map-in", HTMLButtonElement).addEventListener("click", () => treemap.zoomBy(2));
  byId("map-out", HTMLButtonElement).addEventListener("click", () => treemap.zoomBy(0.5));
  byId("map-all", HTMLButtonElement).addEventListener("click", () => openGroup(0, true));
  byId("map-components", HTMLButtonElement).addEventListener("click", () => {
    const node = map.tiles.findIndex(({ name }) => name === groupNames.components);
    if (node >= 0) openGroup(node, true);
  });
  window.addEventListener("hashchange", followAddress);
  window.addEventListener("popstate", followAddress);
  let layoutWidth = canvas.clientWidth;
  new ResizeObserver(() => {
    if (canvas.clientWidth === layoutWidth) return;
    layoutWidth = canvas.clientWidth;
    layOutMap();
    showUnit(false);
    strip?.redraw();
  }).observe(canvas);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    treemap.redraw();
    strip?.redraw();
  });
  // After the first drawing, which was asked for before.
  requestAnimationFrame(() => {
    document.documentElement.dataset.ready = "";
  });
}

readData().then(start, (error: unknown) => {
  byId("trouble", HTMLElement).hidden = false;
  byId("trouble", HTMLElement).append(` ${String(error)}`);
});
