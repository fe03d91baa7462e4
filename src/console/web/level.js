// Levels as shape, colour and word together, so that none of the three has to be seen alone.

import { svg, attr } from "./dom.js";

/** Gravity for sorting: greater is graver. */
export const gravity = (level) => (typeof level === "number" ? 5 - level : 0);

const NAMES = { 1: "red", 2: "orange", 3: "yellow", 4: "blue" };

/** The level's name: red, orange, yellow, blue, journal or normal. */
export const nameOf = (level) => NAMES[level] ?? (level === "journal" ? "journal" : "normal");

// Outlines in a box of 24 by 24; where the digit stands, from the top.
const SHAPES = {
  red: { d: "M12 1.2 22.8 12 12 22.8 1.2 12Z", digit: 16 },
  orange: { d: "M12 2 23 21.6H1Z", digit: 19 },
  yellow: { d: "M1 2.6h22L12 22.2Z", digit: 13.6 },
  blue: { d: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Z", digit: 16 },
  journal: { d: "M4 11h16v2H4Z" },
  normal: { d: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Z" },
};

/** The level's marker. Decoration for those who see it: the word stands beside it. */
export function marker(level) {
  const node = svg("svg", { viewBox: "0 0 24 24", class: "marker", "aria-hidden": "true" }, svg("path"), svg("text", { x: 12 }));
  setMarker(node, level);
  return node;
}

export function setMarker(node, level) {
  const name = nameOf(level);
  if (node.dataset.level === name) return;
  node.dataset.level = name;
  const { d, digit } = SHAPES[name];
  attr(node.firstChild, "d", d);
  attr(node.lastChild, "y", digit ?? 0);
  node.lastChild.textContent = digit ? level : "";
}
