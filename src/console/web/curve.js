// The last 24 hours of a line: the load of each quarter of an hour, the ordinary range behind it, and the states below.

import { svg, attr } from "./dom.js";
import { clockTime } from "./format.js";
import { t } from "./i18n.js";

const DAY_MS = 86400000;
const QUARTER_MS = 900000;
const HOUR_MS = 3600000;
const LEFT = 44;
const TOP = 22;
const HEIGHT = 160;
const STRIP = 18;
const BOTTOM = HEIGHT - STRIP - 24;
/** How high a state stands in its strip: told by height as well as by tone. */
const SHARES = { stopped: 0.3, idle: 0.55, running: 0.8, overload: 1, unknown: 0.3 };

/** Draws it into a box, anew only if something of it is new. */
export function drawCurve(box, yesterday, today, point) {
  attr(box, "hidden", !today);
  if (!today) return;
  const width = Math.max(280, Math.round(box.clientWidth || 640));
  const key = `${width} ${document.documentElement.lang} ${today.until} ${Boolean(yesterday)}`;
  if (box.dataset.drawn === key) return;
  box.dataset.drawn = key;
  const end = Date.parse(today.until);
  const days = [yesterday, today].filter(Boolean);
  const frame = { begin: end - DAY_MS, end, width, x: (ms) => LEFT + ((ms - end + DAY_MS) / DAY_MS) * (width - LEFT - 4) };
  const root = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": t("curve.label") });
  const quarters = days.flatMap(quartersOf).filter((it) => it.from + QUARTER_MS > frame.begin && it.from < end);
  const y = drawAxes(root, frame, quarters, today.unit, point);
  drawBand(root, frame, quarters, y);
  root.append(svg("path", { class: "curve-median", d: steps(quarters, frame, y, (it) => it.median) }));
  root.append(svg("path", { class: "curve-load", d: steps(quarters, frame, y, (it) => it.load) }));
  drawStates(root, frame, days);
  box.replaceChildren(root);
}

/** The quarters of a day, each with its load and what is ordinary. */
function quartersOf(day) {
  const from = Date.parse(day.from);
  const { median = [], low = [], high = [] } = day.ordinary ?? {};
  return day.profile.map((load, i) => ({ from: from + i * QUARTER_MS, load, median: median[i], low: low[i], high: high[i] }));
}

/** Draws the axes; answers where a value stands. */
function drawAxes(root, frame, quarters, unit, point) {
  const values = quarters.flatMap((it) => [it.load, it.low, it.high]).filter((it) => it !== null && it !== undefined);
  const [least, most] = [Math.min(0, ...values), Math.max(0, ...values)];
  const step = roundStep((most - least || 1) / 3);
  const low = Math.floor(least / step) * step;
  const high = Math.max(low + step, Math.ceil(most / step) * step);
  const y = (value) => BOTTOM - ((value - low) / (high - low)) * (BOTTOM - TOP);
  const decimals = Math.min(point?.decimals ?? 2, Math.max(0, -Math.floor(Math.log10(step))));
  for (let value = low; value <= high + step / 2; value += step) {
    root.append(svg("path", { class: "curve-grid", d: `M${LEFT} ${y(value).toFixed(1)}H${frame.width - 4}` }));
    root.append(label("curve-value", LEFT - 6, y(value) + 4, value.toFixed(decimals)));
  }
  root.append(label("curve-value", LEFT - 6, 10, unit));
  const every = frame.width < 480 ? 6 : 3;
  for (let ms = Math.ceil(frame.begin / HOUR_MS) * HOUR_MS; ms <= frame.end; ms += HOUR_MS) {
    const clock = clockTime(ms);
    if (Number(clock.slice(0, 2)) % every !== 0) continue;
    root.append(svg("path", { class: "curve-grid", d: `M${frame.x(ms).toFixed(1)} ${TOP}V${HEIGHT - 16}` }));
    root.append(label("curve-time", frame.x(ms), HEIGHT - 3, clock.slice(0, 5)));
  }
  return y;
}

function label(name, x, y, said) {
  const node = svg("text", { class: name, x: x.toFixed(1), y: y.toFixed(1) });
  node.textContent = said;
  return node;
}

function drawBand(root, frame, quarters, y) {
  for (const it of quarters) {
    if (typeof it.low !== "number" || typeof it.high !== "number") continue;
    const [from, to] = [frame.x(Math.max(it.from, frame.begin)), frame.x(Math.min(it.from + QUARTER_MS, frame.end))];
    const height = Math.max(1, y(it.low) - y(it.high));
    root.append(svg("rect", { class: "curve-band", x: from.toFixed(1), y: y(it.high).toFixed(1), width: (to - from).toFixed(1), height: height.toFixed(1) }));
  }
}

/** A line of steps, interrupted where nothing is known. */
function steps(quarters, frame, y, of) {
  let path = "";
  let last = null;
  for (const it of quarters) {
    const value = of(it);
    const [from, to] = [frame.x(Math.max(it.from, frame.begin)), frame.x(Math.min(it.from + QUARTER_MS, frame.end))];
    if (typeof value === "number") {
      path += last === it.from ? `V${y(value).toFixed(1)}` : `M${from.toFixed(1)} ${y(value).toFixed(1)}`;
      path += `H${to.toFixed(1)}`;
      last = it.from + QUARTER_MS;
    } else last = null;
  }
  return path;
}

function drawStates(root, frame, days) {
  const top = BOTTOM + 6;
  for (const { from, to, state } of days.flatMap((it) => it.timeline)) {
    const [begin, end] = [Math.max(Date.parse(from), frame.begin), Math.min(Date.parse(to), frame.end)];
    if (begin >= end) continue;
    const height = STRIP * SHARES[state];
    const width = Math.max(0.5, frame.x(end) - frame.x(begin));
    const said = `${t(`line.${state}`)}  ${clockTime(begin).slice(0, 5)}–${clockTime(end).slice(0, 5)}`;
    const bar = svg("rect", { class: `strip ${state}`, x: frame.x(begin).toFixed(1), y: (top + STRIP - height).toFixed(1), width: width.toFixed(1), height: height.toFixed(1) });
    const title = svg("title");
    title.textContent = said;
    bar.append(title);
    root.append(bar);
  }
}

/** The least of 1, 2, 5, 10… times a power of ten that is no less. */
function roundStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= rough) ?? rough;
}
