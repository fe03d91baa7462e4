// One signal: its name, its indicator if it has limits, its value; or, without a value, why there is none.

import { el, text, attr } from "./dom.js";
import { gatewayNow, isLive, known, link } from "./store.js";
import { marker, nameOf, setMarker } from "./level.js";
import { label, quality, value as valueText } from "./format.js";
import { createIndicator, limitsInWords, updateIndicator } from "./indicator.js";
import { say, t } from "./i18n.js";

/** How long past its age a value may stay before the page itself stops believing it. */
const GRACE_MS = 5000;

/** What the point says, as far as it may be shown: a value that nobody renews is no value. */
export function reading(point) {
  const state = known.values.get(point.id);
  if (!state) return { value: null, reason: t("value.none") };
  const isOverdue = isLive() && gatewayNow() - state.at > point.max_age_ms + GRACE_MS;
  if (isOverdue && state.value !== null) return { value: null, reason: t("reason.stale") };
  return { value: state.value, reason: quality(state.quality) };
}

/** Whether the point has a value without a doubt. */
export const isTrusted = (point) => reading(point).reason === "";

export function createSignal(point) {
  const parts = {
    shape: marker("normal"),
    name: el("span", { class: "signal-name" }),
    indicator: createIndicator(point),
    number: el("span", { class: "signal-number" }),
    unit: el("span", { class: "signal-unit", text: point.unit }),
    reason: el("span", { class: "signal-reason" }),
    unseen: el("span", { class: "unseen" }),
  };
  const node = el(
    "li",
    { class: "signal" },
    el("span", { class: "signal-label" }, parts.name, parts.shape),
    parts.indicator ?? el("span", { class: "no-indicator" }),
    el("span", { class: "signal-value" }, el("span", {}, parts.number, parts.unit), parts.reason),
    parts.unseen,
  );
  node.parts = parts;
  return node;
}

export function updateSignal(node, point, level) {
  const { parts } = node;
  const { value, reason } = reading(point);
  const name = level === undefined ? null : nameOf(level);
  attr(node, "data-level", name);
  attr(node, "data-bad", value === null);
  attr(parts.shape, "hidden", level === undefined);
  if (level !== undefined) setMarker(parts.shape, level);
  text(parts.name, say(point.title));
  attr(parts.name, "title", point.id);
  const isOld = link.state === "lost" && value !== null;
  text(parts.number, value === null ? "—" : valueText(value, point));
  const isCode = label(value, point) !== "";
  attr(parts.number, "title", isCode ? String(Number(value)) : null);
  attr(node, "data-code", isCode);
  attr(parts.unit, "hidden", value === null || typeof value === "boolean" || isCode || !point.unit);
  text(parts.reason, isOld ? t("value.old") : reason);
  const numeric = typeof value === "boolean" ? Number(value) : value;
  if (parts.indicator) updateIndicator(parts.indicator, isOld ? null : numeric, isOld ? null : name);
  text(parts.unseen, unseen(point, name));
}

/** What the shapes say, in words. */
function unseen(point, name) {
  const limits = point.limits.length > 0 ? t("value.limits", { limits: limitsInWords(point) }) : "";
  const alarm = name ? t("value.inAlarm", { level: t(`level.${name}`) }) : "";
  return [alarm, limits].filter(Boolean).join(", ");
}
