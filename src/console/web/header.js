// The top bar: which site, whether what is shown is live, what time it is there; language and theme. And the notices
// across the page for as long as the gateway is not heard or says that it is not well.

import { el, text, attr } from "./dom.js";
import { gatewayNow, isClockUnset, known, link, on } from "./store.js";
import { age, clockTime, day } from "./format.js";
import { language, recall, remember, say, setLanguage, t } from "./i18n.js";

const PAGES = [
  ["/", "page.overview", () => true],
  ["/power.html", "page.power", (site) => Boolean(site?.lines?.length)],
];
const THEMES = ["system", "light", "dark"];

export function drawHeader(bar, lost) {
  const site = el("h1", { class: "site" });
  const gateway = el("span", { class: "gateway" });
  const state = el("span", { class: "linkstate", role: "status" });
  const date = el("span", { class: "date" });
  const time = el("span", { class: "time" });
  const unset = el("span", { class: "unsynced", role: "status" });
  const skip = el("a", { class: "skip", href: document.getElementById("alarms") ? "#alarms" : "#main" });
  const toggle = el("button", { type: "button", class: "quiet", onclick: () => setLanguage(language() === "zh" ? "en" : "zh") });
  const theme = themeSelect();
  bar.append(
    skip,
    el("div", { class: "identity" }, site, gateway),
    pages(),
    state,
    el("div", { class: "clock" }, unset, date, time),
    el("div", { class: "switches" }, theme.node, toggle),
  );

  on(["language", "site"], () => {
    text(skip, t(document.getElementById("alarms") ? "app.skip" : "app.skipMain"));
    text(site, say(known.site?.name) || "Hazgate");
    text(gateway, known.site ? `${t("bar.gateway")} ${known.site.enterprise} / ${known.site.gateway}` : "");
    text(toggle, t("bar.language"));
    attr(toggle, "title", t("bar.languageHint"));
    attr(toggle, "lang", language() === "zh" ? "en" : "zh-CN");
    theme.name();
  });
  on(["language", "link"], () => {
    text(state, t(`link.${link.state}`));
    attr(state, "data-state", link.state);
  });
  on(["second", "clock", "language"], () => {
    const now = gatewayNow();
    const shown = now !== null && link.state === "live";
    text(time, shown ? clockTime(now) : "--:--:--");
    text(date, shown ? day(now) : "");
    text(unset, shown && isClockUnset() ? t("clock.unsynced") : "");
    attr(unset, "title", t("clock.unsyncedHint"));
  });
  drawLost(lost);
}

/** The way from page to page; what the site has nothing for is left out. */
function pages() {
  const links = PAGES.map(([path, key, has]) => ({ node: el("a", { href: path }), path, key, has }));
  const nav = el("nav", { class: "pages" }, ...links.map((it) => it.node));
  on(["site", "language"], () => {
    attr(nav, "aria-label", t("bar.pages"));
    attr(nav, "hidden", links.every((it) => it.path === "/" || !it.has(known.site)));
    for (const { node, path, key, has } of links) {
      text(node, t(key));
      attr(node, "hidden", !has(known.site));
      attr(node, "aria-current", location.pathname === path && "page");
    }
  });
  return nav;
}

function drawLost(lost) {
  const title = el("strong");
  const body = el("span");
  lost.append(el("span", { class: "lost-shape", "aria-hidden": "true", text: "✕" }), el("div", {}, title, body));
  on(["language", "link"], () => {
    attr(lost, "hidden", link.state !== "lost");
    text(title, t("lost.title"));
  });
  on(["language", "link", "second"], () => {
    if (link.state !== "lost") return;
    const { since } = link;
    text(body, since === null ? t("lost.never") : t("lost.body", { at: clockTime(since), age: age(gatewayNow() - since) }));
  });
}

/** The notice across the page for as long as the gateway cannot keep what happens. */
export function drawFault(fault) {
  const body = el("strong");
  fault.append(el("span", { class: "fault-shape", "aria-hidden": "true", text: "!" }), body);
  on(["language", "fault"], () => {
    attr(fault, "hidden", known.fault === null);
    text(body, known.fault ? t("fault.body", { why: say(known.fault) }) : "");
  });
}

function themeSelect() {
  const select = el("select", { class: "quiet", onchange: () => setTheme(select.value) });
  const options = THEMES.map((name) => el("option", { value: name }));
  select.append(...options);
  select.value = recall("hazgate.theme") ?? "system";
  const name = () => {
    attr(select, "aria-label", t("bar.theme"));
    for (const option of options) text(option, t(`theme.${option.value}`));
  };
  return { node: select, name };
}

function setTheme(name) {
  const isChosen = name !== "system";
  attr(document.documentElement, "data-theme", isChosen ? name : null);
  remember("hazgate.theme", isChosen ? name : null);
}
