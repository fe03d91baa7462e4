// The lines of the site, each with what it draws now against what is ordinary, its state, and its last 24 hours.

import { el, svg, text, attr, place, reconcile } from "./dom.js";
import { changed, gatewayNow, isLive, known, link, on } from "./store.js";
import { fetchReport } from "./api.js";
import { clockTime, day, value as valueText } from "./format.js";
import { gravity, marker, nameOf, setMarker } from "./level.js";
import { isActive, isAside, isForOperator } from "./alarms.js";
import { reading } from "./signal.js";
import { drawCurve } from "./curve.js";
import { say, t } from "./i18n.js";

const REFRESH_MS = 60000;
const DAY_MS = 86400000;
const STATES = ["stopped", "idle", "running", "overload"];
const SHAPES = { stopped: "○", idle: "◐", running: "●", overload: "▲", unknown: "?" };

/** The reports of yesterday and of today, by line. */
const past = { yesterday: new Map(), yesterdayIs: null, today: new Map(), until: null, refusal: null };

export function drawLines(section) {
  const title = el("h2", { id: "lines-title" });
  const note = el("span", { class: "count" });
  const none = el("p", { class: "none" });
  const list = el("div", { class: "line-list" });
  const key = legend();
  section.append(el("div", { class: "head" }, title, note), none, key.node, list);
  on(["site", "values", "alarms", "language", "link", "past"], () => {
    const lines = ordered(known.site?.lines ?? []);
    text(title, t("power.title"));
    text(none, t("power.none"));
    attr(none, "hidden", lines.length > 0 || !known.site);
    text(note, noteText(lines));
    key.update(lines);
    reconcile(list, lines, (line) => line.id, create, update);
  });
  on(["second"], () => changed("values"));
  on(["link", "site"], refresh);
  setInterval(refresh, REFRESH_MS);
  addEventListener("resize", () => changed("past"));
}

/** What the tones of the pictures mean, as far as they are used. */
function legend() {
  const swatch = (name, draw) => svg("svg", { viewBox: "0 0 20 12", class: "swatch", "aria-hidden": "true" }, draw(name));
  const box = (name) => svg("rect", { class: `strip ${name}`, width: 20, height: 12 });
  const rows = [
    ["legend.load", swatch("curve-load", line)],
    ["legend.median", swatch("curve-median", line)],
    ["legend.band", swatch("curve-band", (name) => svg("rect", { class: name, width: 20, height: 12 }))],
    ...[...STATES, "unknown"].map((name) => [`line.${name}`, swatch(name, box)]),
  ];
  const items = rows.map(([word, picture]) => ({ word, node: el("li", {}, picture, el("span")) }));
  const node = el("ul", { class: "legend" }, ...items.map((it) => it.node));
  const update = (lines) => {
    attr(node, "hidden", lines.length === 0);
    for (const it of items) text(it.node.lastChild, t(it.word));
  };
  return { node, update };
}

const line = (name) => svg("path", { class: name, d: "M0 6H20" });

function noteText(lines) {
  if (lines.length === 0) return "";
  if (past.refusal) return t("power.notYet");
  return past.until === null ? t("power.reading") : t("power.until", { at: clockTime(past.until) });
}

let isAsking = false;

/** Asks for what the gateway has kept of today, and once a day of yesterday. */
async function refresh() {
  const now = gatewayNow();
  if (isAsking || !isLive() || now === null || !known.site?.lines?.length) return;
  isAsking = true;
  try {
    const before = day(now - DAY_MS);
    if (past.yesterdayIs !== before) {
      past.yesterday = byLine(await fetchReport(before).catch(() => ({ lines: [] })));
      past.yesterdayIs = before;
    }
    const today = await fetchReport(day(now));
    past.today = byLine(today);
    past.until = today.lines.length > 0 ? Date.parse(today.lines[0].until) : null;
    past.refusal = null;
  } catch (refusal) {
    past.refusal = refusal;
  } finally {
    isAsking = false;
    changed("past");
  }
}

const byLine = (report) => new Map(report.lines.map((line) => [line.line, line]));

/** Each behind the one that it is fed by. */
function ordered(lines) {
  const ids = new Set(lines.map((line) => line.id));
  const rows = [];
  const add = (line, depth) => {
    rows.push({ ...line, depth });
    for (const child of lines.filter((it) => it.parent === line.id && it.id !== line.id)) add(child, depth + 1);
  };
  for (const line of lines.filter((it) => !it.parent || !ids.has(it.parent))) add(line, 0);
  return rows;
}

function create() {
  const parts = {
    title: el("h3"),
    role: el("span", { class: "line-role" }),
    state: el("span", { class: "line-state" }),
    shape: marker("normal"),
    alarm: el("span", { class: "line-alarm" }),
    number: el("span", { class: "line-number" }),
    unit: el("span", { class: "signal-unit" }),
    reason: el("span", { class: "signal-reason" }),
    track: el("div", { class: "line-track", "aria-hidden": "true" }),
    band: el("span", { class: "line-band" }),
    pointer: el("span", { class: "pointer" }),
    usual: el("span", { class: "line-usual" }),
    facts: el("dl", { class: "line-facts" }),
    curve: el("div", { class: "line-curve" }),
  };
  parts.track.append(parts.band, parts.pointer);
  const alarm = el("span", { class: "line-alarm-box" }, parts.shape, parts.alarm);
  const head = el("div", { class: "line-head" }, el("div", {}, parts.title, parts.role), el("div", { class: "line-marks" }, alarm, parts.state));
  const now = el("div", { class: "line-now" }, el("p", {}, parts.number, parts.unit, parts.reason), parts.track, parts.usual, parts.facts);
  const node = el("article", { class: "line panel" }, head, now, parts.curve);
  node.parts = { ...parts, alarmBox: alarm };
  return node;
}

function update(node, line) {
  const { parts } = node;
  place(node, "marginInlineStart", `${Math.min(line.depth, 4) * 1.4}rem`);
  text(parts.title, say(line.title));
  const hazard = known.site.hazards.find((it) => it.id === line.hazard);
  text(parts.role, [line.role && t(`role.${line.role}`), say(hazard?.title)].filter(Boolean).join(" · "));
  updateState(parts.state, line);
  updateAlarm(parts, line);
  updateLoad(parts, line);
  updateFacts(parts.facts, past.today.get(line.id));
  drawCurve(parts.curve, past.yesterday.get(line.id), past.today.get(line.id), known.points.get(line.load));
}

/** A value of a point as it may be shown; none where it has none. */
function now(id) {
  const point = id && known.points.get(id);
  return point ? { ...reading(point), point } : { value: null, reason: "", point: null };
}

function updateState(node, line) {
  const { value } = now(line.state);
  const name = (value !== null && link.state !== "lost" && STATES[Number(value)]) || "unknown";
  attr(node, "hidden", !line.state);
  attr(node, "data-state", name);
  text(node, `${SHAPES[name]} ${t(`line.${name}`)}`);
}

/** The gravest alarm of the line's meter that stands. */
function updateAlarm(parts, line) {
  const device = known.points.get(line.load)?.device;
  const own = new Set([line.load, line.energy, line.state, line.median, line.low, line.high]);
  const isOurs = (alarm) => own.has(alarm.point) || (device !== "derived" && (alarm.device === device || known.points.get(alarm.point)?.device === device));
  const standing = [...known.alarms.values()].filter((it) => isForOperator(it) && !isAside(it) && isActive(it) && isOurs(it));
  standing.sort((a, b) => gravity(b.level) - gravity(a.level));
  const [gravest] = standing;
  attr(parts.alarmBox, "hidden", !gravest);
  if (!gravest) return;
  setMarker(parts.shape, gravest.level);
  const more = standing.length > 1 ? t("line.more", { n: standing.length - 1 }) : "";
  text(parts.alarm, `${t(`level.${nameOf(gravest.level)}`)} · ${say(gravest.message)}${more}`);
}

function updateLoad(parts, line) {
  const { value, reason, point } = now(line.load);
  const [low, high, median] = [line.low, line.high, line.median].map((id) => now(id).value);
  const isOld = link.state === "lost" && value !== null;
  text(parts.number, value === null ? "—" : valueText(value, point));
  text(parts.unit, value === null ? "" : (point?.unit ?? ""));
  text(parts.reason, isOld ? t("value.old") : reason);
  attr(parts.number, "data-none", value === null);
  const hasBand = low !== null && high !== null;
  const end = Math.max(point?.range?.[1] ?? 0, (high ?? 0) * 1.3, (value ?? 0) * 1.1) || 1;
  const percent = (it) => `${Math.min(100, Math.max(0, (it / end) * 100)).toFixed(1)}%`;
  attr(parts.track, "hidden", value === null && !hasBand);
  attr(parts.band, "hidden", !hasBand);
  if (hasBand) {
    place(parts.band, "left", percent(low));
    place(parts.band, "width", percent(Math.max(high - low, end / 100)));
  }
  attr(parts.pointer, "hidden", value === null || isOld);
  if (value !== null) place(parts.pointer, "left", percent(value));
  text(parts.usual, usualText(line, { value, low, high, median }, point));
}

/** How the load stands to what is ordinary, in words. */
function usualText(line, { value, low, high, median }, point) {
  if (!line.median) return "";
  if (low === null || high === null) return median === null ? t("line.learning") : t("line.median", { median: valueText(median, point) });
  const range = { low: valueText(low, point), high: valueText(high, point) };
  const where = value === null || link.state === "lost" ? "usual" : value > high ? "above" : value < low ? "below" : "within";
  return t(`line.${where}`, range);
}

const FACTS = [
  ["line.energyToday", (it) => it.energy && `${it.energy.value.toFixed(1)} ${it.energy.unit}`],
  ["line.demandToday", (it) => it.demand && t("line.at", { value: `${it.demand.max.toFixed(1)} ${it.unit}`, at: clockTime(Date.parse(it.demand.from)).slice(0, 5) })],
  ["line.hoursToday", (it) => it.hours && `${it.hours.running.toFixed(1)} h`],
  ["line.known", (it) => it.coverage < 1 && `${Math.min(99.9, it.coverage * 100).toFixed(1)} %`],
];

function updateFacts(node, today) {
  const said = today ? FACTS.map(([key, of]) => ({ key, said: of(today) })).filter((it) => it.said) : [];
  const make = () => {
    const row = el("div", {}, el("dt"), el("dd"));
    return row;
  };
  reconcile(node, said, (it) => it.key, make, (row, it) => {
    text(row.firstChild, t(it.key));
    text(row.lastChild, it.said);
  });
}
