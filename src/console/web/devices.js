// What the gateway reads from, and what it delivers to: whether each works, since when, and what went wrong.

import { el, text, attr, reconcile } from "./dom.js";
import { gatewayNow, isLive, known, on } from "./store.js";
import { age } from "./format.js";
import { say, t } from "./i18n.js";

const ORDER = { down: 0, degraded: 1, unknown: 2, up: 3 };
const SHAPES = { up: "●", degraded: "◐", down: "✕", unknown: "?" };

export function drawDevices(section) {
  drawList(section, "devices", ["devices", "site"], () =>
    (known.site?.devices ?? []).map((device) => {
      const status = known.devices.get(device.id);
      return {
        id: device.id,
        title: say(device.title),
        where: `${device.protocol} ${device.address}`,
        state: status?.state ?? "unknown",
        word: t(`device.${status?.state ?? "unknown"}`),
        since: status?.since,
        error: say(status?.error),
        counted: counted(status?.counters),
      };
    }),
  );
}

/** How often the device was asked, and what went wrong how often; what never did is not mentioned. */
function counted(counters) {
  const told = Object.entries(counters ?? {}).filter(([, n]) => n > 0);
  // Polls alone say nothing: they are told only with what went wrong.
  if (told.every(([name]) => name === "polls")) return "";
  return told.map(([name, n]) => t(`count.${name}`, { n })).join(" · ");
}

export function drawUplinks(section) {
  drawList(section, "uplinks", ["uplinks", "site"], () =>
    (known.site?.forwarders ?? []).map((forwarder) => {
      const status = known.uplinks.get(forwarder.id);
      const state = status ? (status.connected ? "up" : "down") : "unknown";
      return {
        id: forwarder.id,
        title: forwarder.id,
        where: `${forwarder.kind} ${forwarder.target}`,
        state,
        word: t(state === "unknown" ? "device.unknown" : `uplink.${state}`),
        since: status?.since,
        error: say(status?.error),
      };
    }),
  );
}

/** A list of things that work or do not; those that do not come first. */
function drawList(section, name, topics, itemsOf) {
  const title = el("h2", { id: `${name}-title` });
  const count = el("span", { class: "count" });
  const none = el("p", { class: "none" });
  const list = el("ul", { class: "states" });
  section.append(el("div", { class: "head" }, title, count), none, list);
  on([...topics, "language", "link"], () => {
    const items = itemsOf();
    const up = items.filter((item) => item.state === "up").length;
    const sorted = items.map((item, i) => [item, i]).sort(([a, i], [b, j]) => ORDER[a.state] - ORDER[b.state] || i - j);
    text(title, t(`${name}.title`));
    text(count, items.length > 0 ? t(`${name}.count`, { up, all: items.length }) : "");
    text(none, t(`${name}.none`));
    attr(none, "hidden", items.length > 0);
    reconcile(list, sorted.map(([item]) => item), (item) => item.id, create, update);
  });
  on(["second"], () => {
    for (const node of list.children) updateAge(node);
  });
}

function create() {
  const parts = {
    state: el("span", { class: "state" }),
    title: el("span", { class: "state-title" }),
    where: el("span", { class: "state-where" }),
    error: el("span", { class: "state-error" }),
    counted: el("span", { class: "state-counted" }),
    age: el("span", { class: "state-age" }),
  };
  const node = el("li", {}, parts.state, el("span", { class: "state-text" }, parts.title, parts.where, parts.error, parts.counted), parts.age);
  node.parts = parts;
  return node;
}

function update(node, item) {
  const { parts } = node;
  node.since = item.since;
  attr(node, "data-state", item.state);
  text(parts.state, `${SHAPES[item.state]} ${item.word}`);
  text(parts.title, item.title);
  text(parts.where, item.where);
  text(parts.error, item.error);
  text(parts.counted, item.counted ?? "");
  updateAge(node);
}

function updateAge(node) {
  const now = gatewayNow();
  const isKnown = now !== null && node.since && isLive();
  text(node.parts.age, isKnown ? t("state.for", { age: age(now - Date.parse(node.since)) }) : "");
}
