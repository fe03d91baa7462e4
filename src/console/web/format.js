// Numbers, times and ages as an operator reads them, in the site's own time.

import { siteOffset } from "./store.js";
import { say, t } from "./i18n.js";

const two = (n) => String(n).padStart(2, "0");

/** A moment in the site's time, as a date whose UTC fields are to be read. */
const local = (ms) => new Date(ms + siteOffset() * 60000);

export function clockTime(ms) {
  const at = local(ms);
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
}

export function day(ms) {
  const at = local(ms);
  return `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
}

/** The time, with the date before it unless it is today's. */
export function moment(stamp, now) {
  const ms = typeof stamp === "number" ? stamp : Date.parse(stamp);
  const isToday = now !== null && day(ms) === day(now);
  return isToday ? clockTime(ms) : `${day(ms).slice(5)} ${clockTime(ms)}`;
}

/** How long ago, in the two greatest units. */
export function age(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return t("age.s", { s });
  if (s < 3600) return t("age.ms", { m: Math.floor(s / 60), s: two(s % 60) });
  if (s < 86400) return t("age.hm", { h: Math.floor(s / 3600), m: two(Math.floor(s / 60) % 60) });
  return t("age.dh", { d: Math.floor(s / 86400), h: Math.floor(s / 3600) % 24 });
}

/** What is to be said beside a stamp that this vouches for; empty if it is to be trusted. */
export const clockMark = (sync) => (sync === "unsynced" || sync === "restamped" ? t(`clock.${sync}`) : "");

/** What people call a value that is a code; empty for one that is not. */
export const label = (v, point) => (v === null || v === undefined ? "" : say(point?.codes?.[Number(v)]));

/** A value of the point. */
export function value(v, point) {
  const name = label(v, point);
  if (name) return name;
  if (typeof v === "boolean") return t(v ? "value.on" : "value.off");
  if (typeof v !== "number") return "—";
  return v.toFixed(point?.decimals ?? 2);
}

/** A limit, no longer than it needs to be. */
export const limit = (v, point) => String(Number(v.toFixed(point?.decimals ?? 2)));

/** The quality in words; empty if it is good. */
export function quality(q) {
  if (!q || q === "good") return "";
  const [grade, reason] = q.split(":");
  return grade === "uncertain" ? t("quality.uncertain", { reason: t(`reason.${reason}`) }) : t(`reason.${reason}`);
}
