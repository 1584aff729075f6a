// SPDX-License-Identifier: Apache-2.0
/** The report in a browser. The chosen machine, unit and group determine everything that it shows. */

import type { ReportMachine } from "../../boots/demoJson.js";
import { decideFates, type Fates, fates, fateTitles } from "../../model/fates.js";
import { drawLedger, groupNames } from "../../model/ledger.js";
import { drawPages, pageUses } from "../../model/pages.js";
import { createKeeper, findUnit, objectOf, readUnits, unitKey, unitName } from "../../model/units.js";
import { sumValues } from "../../sum.js";
import { pageSize } from "../../x86/x86.js";
import type { PageData } from "../html.js";
import { formatPlace, readPlace } from "./address.js";
import { makeContents, makePath } from "./contents.js";
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
import { startFinder } from "./finder.js";
import { type FateSums, type FlatMap, isClosed, layOut, openObject, sumChildren, sumFates } from "./flat.js";
import { makeFleet } from "./fleet.js";
import { count, plural, size } from "./format.js";
import { makeCards, makeLegend, makeRegions } from "./headline.js";
import { createStrip, type Strip } from "./strip.js";
import { createTip } from "./tip.js";
import { createTreemap, isGroup } from "./treemap.js";

const anyMachine = "A machine that needs none of it";

function start({ plan, machines, build, imports, fleet }: PageData): void {
  const units = readUnits(plan);
  const keeper = createKeeper(units);
  const ledger = drawLedger(units);
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
  const tip = createTip();
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
        tip.hide();
        return;
      }
      const object = tile.unit === undefined ? "" : objectOf(units, tile.unit);
      tip.show(
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

  function openGroup(node: number, isMoved: boolean): void {
    group = node;
    open(node);
    if (isMoved) treemap.focus(node);
    showGroup();
  }

  function showGroup(): void {
    const openOther = (node: number) => openGroup(node, true);
    put("path", ...makePath(map, group, openOther));
    put("contents", makeContents(map, sums, group, link, openOther));
  }

  // Units

  function link(to: number): HTMLElement {
    const key = unitKey(units, to);
    return h("a", { href: formatPlace({ unit: key, ...placeOfMachine() }), title: key }, unitName(units, to));
  }

  const placeOfMachine = () => (machine === undefined ? {} : { machine: machine.machine });

  function chooseUnit(chosen: number, isMoved: boolean): void {
    const place = formatPlace({ unit: unitKey(units, chosen), ...placeOfMachine() });
    // pushState sends no event; a link does, and its event leads here.
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
          "Choose a tile of the map, or search for a function, an object or a section, to see its owners, the references to it and why it stays.",
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
            tip.hide();
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
          const address = BigInt(plan.image!.address) + BigInt(page * pageSize);
          tip.show(
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
    put("headline", ...makeCards(plan, machine, decided, ledger.root.bytes));
    put(
      "whose",
      machine === undefined ? "On a machine that needs none of the components" : `On ${machine.title}`,
    );
    put("legend", ...makeLegend(sums));
    put("regions", ...makeRegions(plan, decided));
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
    `${count(plan.totals.objects)} objects, ${count(plan.totals.units)} sections, ${count(sumValues(plan.totals.references))} references`,
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
  if (fleet !== undefined && fleet.machines > 0) {
    byId("fleet", HTMLElement).hidden = false;
    put("fleet-tables", ...makeFleet(fleet));
  }
  if (pages === undefined) byId("memory", HTMLElement).hidden = true;

  decide(readPlace().machine);
  layOutMap();
  showMachine();
  followAddress();
  startFinder(units, link, (found) => chooseUnit(found, true));
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
