// The alarm summary: what stands now, gravest first, then what nobody has acknowledged, then the newest.

import { el, text, attr, reconcile } from "./dom.js";
import { gatewayNow, isClockUnset, isLive, known, link, on } from "./store.js";
import { gravity, marker, nameOf, setMarker } from "./level.js";
import { age, clockMark, label, limit, moment, quality, value } from "./format.js";
import { say, t } from "./i18n.js";
import { handlingButtons } from "./handling.js";
import { acknowledgeNow, acknowledgeWithNote, drawOperator, isPending } from "./acknowledge.js";

export const isUnacknowledged = (alarm) => alarm.state.endsWith("unacknowledged");

/** Whether it belongs before the operator: what is only for the record stands among the events. */
export const isForOperator = (alarm) => alarm.level !== "journal" || isUnacknowledged(alarm);

/** Whether it is set aside: shown last, and calls nobody. */
export const isAside = (alarm) => alarm.beneath !== undefined && alarm.beneath !== null;

/** Whether the condition itself is present. */
export const isActive = (alarm) => alarm.state === "unacknowledged" || alarm.state === "acknowledged";

const opened = new Set();
let announced = null;

export function drawAlarms(section, spoken) {
  const title = el("h2", { id: "alarms-title" });
  const count = el("span", { class: "count" });
  const list = el("ol", { class: "alarm-list" });
  const calm = el("div", { class: "calm" }, marker("normal"), el("div", {}, el("strong"), el("span")));
  const operator = el("div", { class: "operator" });
  section.append(el("div", { class: "head" }, title, count, operator), calm, list);
  drawOperator(operator);

  on(["alarms", "values", "language", "link", "site", "pending"], () => {
    const alarms = [...known.alarms.values()].filter(isForOperator).sort(byUrgency);
    const present = alarms.filter((alarm) => !isAside(alarm));
    const [unacknowledged, aside] = [present.filter(isUnacknowledged).length, alarms.length - present.length];
    const counts = [
      present.length > 0 ? t("alarms.count", { n: present.length, u: unacknowledged }) : "",
      aside > 0 ? t("alarms.aside", { n: aside }) : "",
    ];
    text(title, t("alarms.title"));
    text(count, counts.filter(Boolean).join(t("list.comma")));
    attr(calm, "hidden", present.length > 0);
    text(calm.querySelector("strong"), t(isLive() ? "alarms.none" : "alarms.unknown"));
    text(calm.querySelector("span"), t(isLive() ? "alarms.noneMore" : "alarms.unknownMore"));
    reconcile(list, alarms, (alarm) => alarm.alarm, create, update);
    announce(spoken, alarms);
  });
  on(["second"], () => {
    for (const node of list.children) updateAge(node);
  });
}

function byUrgency(a, b) {
  return (
    Number(isAside(a)) - Number(isAside(b)) ||
    gravity(b.level) - gravity(a.level) ||
    Number(isUnacknowledged(b)) - Number(isUnacknowledged(a)) ||
    Date.parse(b.raised_at) - Date.parse(a.raised_at) ||
    a.alarm.localeCompare(b.alarm)
  );
}

/** An alarm is one limit on one signal, a warning what several say together, or a trend. */
const classOf = (alarm) => alarm.class ?? "alarm";

function create(alarm) {
  const name = alarm.alarm;
  const parts = {
    shape: marker(alarm.level),
    level: el("span", { class: "alarm-level" }),
    class: el("span", { class: "alarm-class" }),
    message: el("button", { type: "button", class: "alarm-message", onclick: () => flip(name) }),
    state: el("span", { class: "alarm-state" }),
    facts: el("span", { class: "alarm-facts" }),
    raised: el("time", { class: "alarm-raised" }),
    age: el("span", { class: "alarm-age" }),
    action: el("div", { class: "alarm-action" }),
    button: el("button", { type: "button", class: "acknowledge", onclick: () => acknowledgeNow(known.alarms.get(name)) }),
    details: el("div", { class: "alarm-details", hidden: true }),
  };
  parts.action.append(parts.button);
  const node = el(
    "li",
    { class: "alarm" },
    el("div", { class: "alarm-mark" }, parts.shape, parts.level),
    el("div", { class: "alarm-body" }, parts.message, el("div", { class: "alarm-line" }, parts.class, parts.state, parts.facts)),
    el("div", { class: "alarm-when" }, parts.raised, parts.age),
    parts.action,
    parts.details,
  );
  node.parts = parts;
  return node;
}

function update(node, alarm) {
  const { parts } = node;
  const isOpen = opened.has(alarm.alarm);
  node.alarm = alarm;
  attr(node, "data-level", nameOf(alarm.level));
  attr(node, "data-state", alarm.state);
  attr(node, "data-aside", isAside(alarm));
  setMarker(parts.shape, alarm.level);
  text(parts.level, t(`level.${nameOf(alarm.level)}`));
  attr(parts.class, "data-class", classOf(alarm));
  text(parts.class, t(`class.${classOf(alarm)}`));
  text(parts.message, say(alarm.message));
  attr(parts.message, "aria-expanded", String(isOpen));
  text(parts.state, [t(`state.${alarm.state}`), alarm.acknowledged_by].filter(Boolean).join(" · "));
  const raised = raisedOf(alarm);
  text(parts.facts, [hazardOf(alarm), clockMark(raised.clock)].filter(Boolean).join(" · "));
  text(parts.raised, moment(raised.at, gatewayNow()));
  attr(parts.raised, "datetime", raised.at);
  updateAge(node);
  updateButton(parts.button, alarm);
  attr(parts.details, "hidden", !isOpen);
  if (isOpen) updateDetails(parts.details, alarm);
}

/**
 * When the alarm was raised, and what vouches for that. `raised_at` is the instance's name and never corrected; the event of
 * its raising is.
 */
function raisedOf(alarm) {
  if (alarm.event === "raised") return { at: alarm.at, clock: alarm.clock };
  return { at: alarm.raised_at, clock: alarm.clock === "restamped" ? "unsynced" : alarm.clock };
}

function updateAge(node) {
  const now = gatewayNow();
  const raised = raisedOf(node.alarm);
  // Between two clocks, of which one was wrong, there is no age.
  const isComparable = raised.clock !== "unsynced" || isClockUnset();
  const isKnown = now !== null && link.state === "live" && isComparable;
  text(node.parts.age, isKnown ? age(now - Date.parse(raised.at)) : "");
}

function updateButton(button, alarm) {
  const pending = isPending(alarm);
  attr(button, "hidden", !isUnacknowledged(alarm));
  button.disabled = pending || !isLive();
  text(button, t(pending ? "ack.doing" : "ack.do"));
  attr(button, "aria-label", `${t("ack.do")}: ${say(alarm.message)}`);
}

/** Value and limit in words, with the unit once. */
function measured(alarm) {
  const point = known.points.get(alarm.point);
  const unit = alarm.unit ? `\u00a0${alarm.unit}` : "";
  const parts = [];
  const name = label(alarm.value, point);
  const shown = name ? t("value.code", { name, code: Number(alarm.value) }) : value(alarm.value, point) + unit;
  if (alarm.value !== null) parts.push(t("alarms.value", { value: shown }));
  if (alarm.limit !== null) parts.push(t("alarms.limit", { limit: limit(alarm.limit, point) + unit }));
  return parts;
}

export function hazardOf(alarm) {
  const hazard = known.site?.hazards.find((it) => it.id === alarm.hazard);
  return hazard ? say(hazard.title) : t("alarms.gateway");
}

function flip(name) {
  if (!opened.delete(name)) opened.add(name);
  const node = document.querySelector(`.alarm[data-key="${CSS.escape(name)}"]`);
  if (node) update(node, node.alarm);
}

function updateDetails(node, alarm) {
  const device = known.site?.devices.find((it) => it.id === alarm.device);
  const point = known.points.get(alarm.point);
  const rows = [
    ["detail.measured", measured(alarm).join(" · ")],
    ["detail.basis", alarm.basis || t("detail.noBasis")],
    ["detail.alarm", alarm.alarm],
    ["detail.point", point ? `${say(point.title)} (${point.id})` : alarm.point],
    ["detail.device", device ? `${say(device.title)} (${device.id})` : alarm.device],
    ["detail.quality", quality(alarm.quality)],
    ["detail.acknowledged", alarm.acknowledged_by],
    ["detail.shelvedUntil", alarm.shelved_until ? moment(alarm.shelved_until, gatewayNow()) : ""],
    ["detail.beneath", alarm.beneath ? t(alarm.beneath === "normal" ? "level.normal" : `state.${alarm.beneath}`) : ""],
    ["detail.habit", alarm.habit ? t(`habit.${alarm.habit}`) : ""],
    ["detail.firstOut", alarm.first_out ? t("detail.yes") : ""],
    ["detail.note", alarm.reason],
    ["detail.last", `${t(`event.${alarm.event}`)} · ${moment(alarm.at, gatewayNow())}`],
  ].filter(([, words]) => words);
  const list = el("dl", {}, ...rows.flatMap(([key, words]) => [el("dt", { text: t(key) }), el("dd", { text: words })]));
  const note = el("button", { type: "button", class: "quiet", text: t("ack.withNote"), onclick: () => acknowledgeWithNote(alarm) });
  note.disabled = !isLive();
  // Rebuilt only when something in it changed: it may hold the focus.
  const print = JSON.stringify([rows, alarm.state, isLive(), t("ack.withNote")]);
  if (node.print === print) return;
  node.print = print;
  node.replaceChildren(list, ...(isUnacknowledged(alarm) ? [note] : []), ...handlingButtons(alarm));
}

/** Speaks what is new since the page last looked; what stood already when it was opened is not news. */
function announce(spoken, alarms) {
  if (!isLive()) return;
  const now = new Map(alarms.filter((alarm) => alarm.state === "unacknowledged").map((alarm) => [alarm.alarm, alarm]));
  const key = (alarm) => `${alarm.alarm} ${alarm.raised_at} ${alarm.level}`;
  const fresh = announced ? [...now.values()].filter((alarm) => !announced.has(key(alarm))) : [];
  announced = new Set([...now.values()].map(key));
  if (fresh.length === 0) return;
  const sentences = fresh.map((alarm) => t(`alarms.new.${classOf(alarm)}`, { level: t(`level.${nameOf(alarm.level)}`), message: say(alarm.message) }));
  text(spoken, sentences.join(" "));
}
