// The hazards, each as a card: its risk, its alarms, the health of its data, and its key signals.

import { el, text, attr, reconcile } from "./dom.js";
import { changed, isLive, known, link, on } from "./store.js";
import { gravity, marker, nameOf, setMarker } from "./level.js";
import { say, t } from "./i18n.js";
import { isActive, isAside, isForOperator, isUnacknowledged } from "./alarms.js";
import { createSignal, isTrusted, updateSignal } from "./signal.js";

/** Signals shown before "all" is asked for. */
const KEY_POINTS = 6;
/** The card of points that belong to no hazard. */
const OTHER = { id: "", kind: "other", title: null };

const expanded = new Set();

export function drawHazards(section) {
  const title = el("h2", { id: "hazards-title", class: "unseen" });
  const cards = el("div", { class: "cards" });
  section.append(title, cards);
  on(["site", "values", "alarms", "risk", "language", "link", "expanded"], () => {
    text(title, t("hazards.title"));
    reconcile(cards, hazards(), (hazard) => hazard.id, create, update);
  });
  // A value grows old without anything being said about it.
  on(["second"], () => changed("values"));
}

function hazards() {
  if (!known.site) return [];
  const hasOther = known.site.points.some((point) => !point.hazard);
  return hasOther ? [...known.site.hazards, OTHER] : known.site.hazards;
}

function create(hazard) {
  const parts = {
    shape: marker("normal"),
    level: el("span"),
    title: el("h3"),
    kind: el("span", { class: "card-kind" }),
    alarms: el("span", { class: "card-alarms" }),
    health: el("span", { class: "card-health" }),
    old: el("span", { class: "card-old" }),
    signals: el("ul", { class: "signals" }),
    more: el("button", { type: "button", class: "quiet more", onclick: () => flip(hazard.id) }),
  };
  const head = el("div", { class: "card-head" }, el("div", {}, parts.title, parts.kind), el("div", { class: "card-level" }, parts.shape, parts.level));
  const node = el("article", { class: "card" }, head, el("div", { class: "card-facts" }, parts.alarms, parts.health, parts.old), parts.signals, parts.more);
  node.parts = parts;
  return node;
}

function flip(id) {
  if (!expanded.delete(id)) expanded.add(id);
  changed("expanded");
}

function update(node, hazard) {
  const { parts } = node;
  const level = known.risk?.hazards[hazard.id]?.level ?? "normal";
  attr(node, "data-level", nameOf(level));
  setMarker(parts.shape, level);
  text(parts.level, t(known.risk ? `level.${nameOf(level)}` : "risk.unknown"));
  text(parts.title, hazard === OTHER ? t("hazards.other") : say(hazard.title));
  text(parts.kind, hazard === OTHER ? "" : t(`kind.${hazard.kind}`));
  text(parts.old, link.state === "lost" && known.values.size > 0 ? t("lost.old") : "");
  updateAlarms(parts.alarms, hazard);
  const points = ordered(hazard.id);
  updateHealth(parts.health, points);
  updateSignals(parts, hazard.id, points);
}

function updateAlarms(node, hazard) {
  const alarms = [...known.alarms.values()].filter((alarm) => isForOperator(alarm) && !isAside(alarm) && (alarm.hazard ?? "") === hazard.id);
  const unacknowledged = alarms.filter(isUnacknowledged).length;
  const count = alarms.length === 0 ? "hazards.noAlarms" : alarms.length === 1 ? "hazards.alarm" : "hazards.alarms";
  const words = [t(count, { n: alarms.length })];
  if (unacknowledged > 0) words.push(t("hazards.unacknowledged", { n: unacknowledged }));
  text(node, hazard === OTHER ? "" : words.join(" · "));
  attr(node, "data-some", alarms.length > 0);
}

function updateHealth(node, points) {
  const good = points.filter(isTrusted).length;
  const isWhole = good === points.length;
  text(node, t(isWhole ? "hazards.healthAll" : "hazards.health", { good, all: points.length }));
  attr(node, "data-some", !isWhole && isLive());
}

/** Points with limits first, otherwise in the site file's order. They never move: the eye remembers places. */
function ordered(id) {
  const points = known.site.points.filter((point) => (point.hazard ?? "") === id);
  return [...points.filter((it) => it.limits.length > 0), ...points.filter((it) => it.limits.length === 0)];
}

function updateSignals(parts, id, points) {
  const levels = alarmLevels();
  const isAll = expanded.has(id);
  const shown = points.filter((point, i) => isAll || i < KEY_POINTS || levels.has(point.id));
  reconcile(parts.signals, shown, (point) => point.id, createSignal, (node, point) => updateSignal(node, point, levels.get(point.id)));
  attr(parts.more, "hidden", points.length <= KEY_POINTS);
  attr(parts.more, "aria-expanded", String(isAll));
  text(parts.more, isAll ? t("hazards.few") : t("hazards.all", { n: points.length }));
}

/** The gravest active alarm on each point. */
function alarmLevels() {
  const levels = new Map();
  for (const alarm of known.alarms.values()) {
    const isGraver = gravity(alarm.level) > gravity(levels.get(alarm.point));
    if (alarm.point && isActive(alarm) && isGraver) levels.set(alarm.point, alarm.level);
  }
  return levels;
}
