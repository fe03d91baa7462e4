// The page of power: the lines of the site, live and over the last 24 hours, and the way to their reports.

import { listen } from "./stream.js";
import { el, text, attr } from "./dom.js";
import { known, on } from "./store.js";
import { drawFault, drawHeader } from "./header.js";
import { drawLines } from "./lines.js";
import { drawReports } from "./reports.js";
import { isAside, isForOperator, isUnacknowledged } from "./alarms.js";
import { say, t } from "./i18n.js";

drawHeader(document.getElementById("bar"), document.getElementById("lost"));
drawFault(document.getElementById("fault"));
drawCalls(document.getElementById("calls"));
drawReports(document.getElementById("reports"));
drawLines(document.getElementById("lines"));
listen();

on(["site", "language"], () => {
  document.title = `${t("power.title")} · ${say(known.site?.name) || "Hazgate"}`;
});

/** Nobody who looks at this page misses an alarm. */
function drawCalls(node) {
  const link = el("a", { href: "/" });
  node.append(el("span", { "aria-hidden": "true", text: "!" }), link);
  on(["alarms", "language", "link"], () => {
    const calls = [...known.alarms.values()].filter((it) => isForOperator(it) && !isAside(it) && isUnacknowledged(it));
    attr(node, "hidden", calls.length === 0);
    text(link, t("power.calls", { n: calls.length }));
  });
}
