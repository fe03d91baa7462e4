// The site's risk: the one thing to be seen from across the room. Beside it, how many alarms of each level stand.

import { el, text, attr, reconcile } from "./dom.js";
import { isLive, known, link, on } from "./store.js";
import { marker, nameOf, setMarker } from "./level.js";
import { say, t } from "./i18n.js";
import { isAside, isUnacknowledged } from "./alarms.js";

const LEVELS = [1, 2, 3, 4];

export function drawRisk(section) {
  const shape = marker("normal");
  const title = el("h2", { id: "risk-title" });
  const word = el("strong", { class: "risk-word" });
  const note = el("span", { class: "risk-note" });
  const hazards = el("ul", { class: "risk-hazards" });
  const counts = el("ul", { class: "risk-counts" });
  section.append(
    el("div", { class: "risk-level" }, shape, el("div", {}, title, word, note)),
    hazards,
    counts,
  );

  on(["risk", "alarms", "language", "link"], () => {
    const level = known.risk?.site.level;
    const name = nameOf(level);
    setMarker(shape, level);
    attr(section, "data-level", name);
    text(title, t("risk.title"));
    text(word, t(known.risk ? `risk.${name}` : "risk.unknown"));
    text(note, link.state === "lost" && known.risk ? t("lost.old") : "");
    reconcile(hazards, known.risk ? (known.site?.hazards ?? []) : [], (it) => it.id, createHazard, updateHazard);
    reconcile(counts, known.risk ? LEVELS : [], String, createCount, updateCount);
    tellTitle();
  });
}

function createHazard() {
  const node = el("li");
  node.parts = { shape: marker("normal"), name: el("span"), word: el("b") };
  node.append(node.parts.shape, node.parts.name, node.parts.word);
  return node;
}

function updateHazard(node, hazard) {
  const level = known.risk.hazards[hazard.id]?.level ?? "normal";
  attr(node, "data-level", nameOf(level));
  setMarker(node.parts.shape, level);
  text(node.parts.name, say(hazard.title));
  text(node.parts.word, t(`level.${nameOf(level)}`));
}

function createCount(level) {
  const node = el("li");
  node.parts = { word: el("span"), number: el("b") };
  node.append(marker(level), node.parts.word, node.parts.number);
  return node;
}

function updateCount(node, level) {
  const count = [...known.alarms.values()].filter((alarm) => alarm.level === level && !isAside(alarm)).length;
  attr(node, "data-none", count === 0);
  text(node.parts.word, t(`level.${nameOf(level)}`));
  text(node.parts.number, String(count));
}

/** The window's title tells of unacknowledged alarms when the page is behind others. */
function tellTitle() {
  const count = [...known.alarms.values()].filter(isUnacknowledged).length;
  const site = say(known.site?.name) || "Hazgate";
  const sign = link.state === "lost" ? `✕ ${t("link.lost")} · ` : isLive() && count > 0 ? `(${count}) ` : "";
  document.title = sign + site;
}
