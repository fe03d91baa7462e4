// Where a report is asked for: a day or a month, as a page to print or as a table.

import { el, text, attr } from "./dom.js";
import { gatewayNow, known, on } from "./store.js";
import { day } from "./format.js";
import { language, t } from "./i18n.js";

const TABLES = ["days", "shifts", "timeline", "profile", "anomalies"];

export function drawReports(section) {
  const title = el("h2", { id: "reports-title" });
  const none = el("p", { class: "none" });
  const chosen = { day: span("date", "day"), month: span("month", "month") };
  const body = el("div", { class: "asks" }, chosen.day.node, chosen.month.node);
  section.append(el("div", { class: "head" }, title), none, body);
  const update = () => {
    text(title, t("reports.title"));
    text(none, t("reports.none"));
    const hasLines = Boolean(known.site?.lines?.length);
    attr(none, "hidden", hasLines || !known.site);
    attr(body, "hidden", !hasLines);
    for (const it of Object.values(chosen)) it.update();
  };
  on(["site", "language", "clock"], update);
}

/** A day or a month, and what can be had of it. */
function span(type, name) {
  const input = el("input", { type, id: `report-${name}`, onchange: () => update() });
  const label = el("label", { for: `report-${name}` });
  const page = el("a", { class: "acknowledge ask", target: "_blank", rel: "noopener" });
  const table = el("select", { class: "quiet", onchange: () => update() });
  const options = TABLES.map((value) => el("option", { value }));
  table.append(...options);
  const csv = el("a", { class: "quiet ask" });
  const json = el("a", { class: "quiet ask", target: "_blank", rel: "noopener", text: "JSON" });
  const node = el("div", { class: "ask-row" }, label, input, page, table, csv, json);
  const update = () => {
    const now = gatewayNow();
    if (now !== null) {
      // Yesterday is the last day that is whole; the month is the present one.
      const last = name === "day" ? day(now) : day(now).slice(0, 7);
      attr(input, "max", last);
      if (!input.value) input.value = name === "day" ? day(now - 86400000) : last;
    }
    const path = (format) => `/api/v1/power/report?${name}=${input.value}&format=${format}&lang=${language()}`;
    text(label, t(`reports.${name}`));
    text(page, t("reports.page"));
    text(csv, t("reports.csv"));
    attr(table, "aria-label", t("reports.table"));
    for (const option of options) text(option, t(`table.${option.value}`));
    const isSaid = Boolean(input.value);
    attr(page, "href", isSaid && path("html"));
    attr(csv, "href", isSaid && `${path("csv")}&table=${table.value}`);
    attr(json, "href", isSaid && path("json"));
  };
  return { node, update };
}
