// The analog indicator: where a value stands between its limits, to be read by shape and not by arithmetic. The zones
// between limits have fixed widths and each is linear in itself, so that the normal zones of all signals stand in one
// column and a pointer outside of it catches the eye.

import { el, attr, place } from "./dom.js";
import { limit as limitText } from "./format.js";

const EDGE_PERCENT = 16;
const isLow = (limit) => limit.kind === "l" || limit.kind === "ll";

/** The scale of a point with limits; null for one without. */
export function scaleOf(point) {
  const limits = point.limits.filter((it, i, all) => i === 0 || it.value > all[i - 1].value);
  if (limits.length === 0) return null;
  const lows = limits.filter(isLow).length;
  const values = limits.map((it) => it.value);
  const [low, high] = ends(point, values);
  const edges = [low, ...values, high];
  const normal = 100 - EDGE_PERCENT * limits.length;
  const widths = edges.slice(1).map((_, zone) => (zone === lows ? normal : EDGE_PERCENT));
  const starts = widths.map((_, zone) => widths.slice(0, zone).reduce((sum, width) => sum + width, 0));
  return { limits, edges, widths, starts, normal: lows };
}

/** Where the scale ends: at the instrument's range, or as far outside the limits as they are apart. */
function ends(point, values) {
  const first = values[0];
  const last = values.at(-1);
  const margin = (last - first || Math.abs(first) || 1) / 2;
  const [low, high] = point.range ?? [first > 0 && point.limits.every((it) => !isLow(it)) ? 0 : first - margin, last + margin];
  return [low < first ? low : first - margin, high > last ? high : last + margin];
}

/** Percent of the scale at which the value stands, kept within it. */
export function positionOf(scale, value) {
  const inner = scale.edges.slice(1, -1).filter((edge) => value >= edge).length;
  const [from, to] = [scale.edges[inner], scale.edges[inner + 1]];
  const part = Math.min(1, Math.max(0, (value - from) / (to - from)));
  return scale.starts[inner] + part * scale.widths[inner];
}

/** Which zone the value is in, counted from the normal one: −2 is below LL, 2 above HH. */
const zoneOf = (scale, value) => scale.edges.slice(1, -1).filter((edge) => value >= edge).length - scale.normal;

export function createIndicator(point) {
  const scale = scaleOf(point);
  if (!scale) return null;
  const zones = scale.widths.map((width, i) => {
    const zone = el("span", { class: "zone", "data-zone": Math.abs(i - scale.normal) });
    place(zone, "width", `${width}%`);
    return zone;
  });
  const ticks = scale.limits.map((limit, i) => {
    // Labels of neighbours lean away from each other, so that they never run together.
    const isInner = isLow(limit) ? i === scale.normal - 1 : i === scale.normal;
    const lean = isLow(limit) === isInner ? "right" : "left";
    const tick = el("span", { class: "tick", "data-lean": lean, text: limitText(limit.value, point), title: limit.kind.toUpperCase() });
    place(tick, "left", `${scale.starts[i + 1]}%`);
    return tick;
  });
  const pointer = el("span", { class: "pointer" });
  const node = el(
    "div",
    { class: "indicator", "aria-hidden": "true" },
    el("div", { class: "track" }, ...zones, pointer),
    el("div", { class: "ticks" }, ...ticks),
  );
  node.parts = { scale, zones, pointer };
  return node;
}

/** Shows the value (a number, or null if there is none) in the colour of the alarm that stands on it, if one does. */
export function updateIndicator(node, value, level) {
  const { scale, zones, pointer } = node.parts;
  attr(pointer, "hidden", value === null);
  attr(node, "data-level", level);
  const zone = value === null ? null : zoneOf(scale, value) + scale.normal;
  zones.forEach((it, i) => attr(it, "data-here", i === zone && zone !== scale.normal));
  if (value === null) return;
  place(pointer, "left", `${positionOf(scale, value).toFixed(1)}%`);
}

/** The limits in words, for those who do not see the indicator. */
export const limitsInWords = (point) =>
  point.limits.map((it) => `${it.kind.toUpperCase()} ${limitText(it.value, point)}`).join(", ");

