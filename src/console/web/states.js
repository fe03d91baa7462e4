// Lists of things that the gateway speaks to, each with a state as shape and word, and since when it is so.

import { el, text, attr, reconcile } from "./dom.js";
import { gatewayNow, isLive, on } from "./store.js";
import { age } from "./format.js";
import { t } from "./i18n.js";

const ORDER = { down: 0, degraded: 1, unknown: 2, turning: 3, on: 4, off: 4, up: 4, idle: 5 };
const SHAPES = { up: "●", degraded: "◐", down: "✕", unknown: "?", turning: "◌", on: "◉", off: "○", idle: "–" };
/** States in which a thing does what it must. */
const WORKS = new Set(["up", "on", "off"]);

/**
 * A list of things that work or do not; those that do not come first. `itemsOf` gives of each its `id`, `title`, `where` it
 * is, its `state` and the `word` for that, `since` when, what went wrong (`error`) and whatever `more` there is to say.
 */
export function drawList(section, name, topics, itemsOf) {
  const title = el("h2", { id: `${name}-title` });
  const count = el("span", { class: "count" });
  const none = el("p", { class: "none" });
  const list = el("ul", { class: "states" });
  section.append(el("div", { class: "head" }, title, count), none, list);
  on([...topics, "language", "link"], () => {
    const items = itemsOf();
    const all = items.filter((item) => item.state !== "idle").length;
    const up = items.filter((item) => WORKS.has(item.state)).length;
    const sorted = items.map((item, i) => [item, i]).sort(([a, i], [b, j]) => ORDER[a.state] - ORDER[b.state] || i - j);
    text(title, t(`${name}.title`));
    text(count, items.length > 0 ? t(`${name}.count`, { up, all }) : "");
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
    more: el("span", { class: "state-more" }),
    age: el("span", { class: "state-age" }),
  };
  const node = el("li", {}, parts.state, el("span", { class: "state-text" }, parts.title, parts.where, parts.error, parts.more), parts.age);
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
  text(parts.more, item.more ?? "");
  updateAge(node);
}

function updateAge(node) {
  const now = gatewayNow();
  const isKnown = now !== null && node.since && isLive();
  text(node.parts.age, isKnown ? t("state.for", { age: age(now - Date.parse(node.since)) }) : "");
}
