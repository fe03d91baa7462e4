// The last events of the journal, newest first.

import { el, text, attr, reconcile } from "./dom.js";
import { gatewayNow, known, on } from "./store.js";
import { marker, nameOf, setMarker } from "./level.js";
import { clockMark, moment } from "./format.js";
import { say, t } from "./i18n.js";
import { hazardOf } from "./alarms.js";

export function drawEvents(section) {
  const title = el("h2", { id: "events-title" });
  const none = el("p", { class: "none" });
  const list = el("ol", { class: "event-list", tabindex: "0", "aria-labelledby": "events-title" });
  section.append(el("div", { class: "head" }, title), none, list);
  on(["events", "language", "site"], () => {
    text(title, t("events.title"));
    text(none, t("events.none"));
    attr(none, "hidden", known.events.length > 0);
    attr(list, "hidden", known.events.length === 0);
    reconcile(list, known.events, (event) => event.id, create, update);
  });
}

function create() {
  const parts = {
    at: el("time"),
    shape: marker("normal"),
    kind: el("span", { class: "event-kind" }),
    message: el("span", { class: "event-message" }),
    more: el("span", { class: "event-more" }),
  };
  const node = el("li", { class: "event" }, parts.at, parts.shape, parts.kind, el("span", { class: "event-text" }, parts.message, parts.more));
  node.parts = parts;
  return node;
}

function update(node, event) {
  const { parts } = node;
  attr(node, "data-event", event.event);
  text(parts.at, moment(event.at, gatewayNow()));
  attr(parts.at, "datetime", event.at);
  setMarker(parts.shape, event.level);
  attr(parts.shape, "data-hollow", event.event === "cleared" || event.event === "acknowledged");
  text(parts.kind, t(`event.${event.event}`));
  text(parts.message, say(event.message));
  const who = event.by ? t("event.by", { by: event.by }) : "";
  text(parts.more, [t(`level.${nameOf(event.level)}`), hazardOf(event), who, event.reason, clockMark(event.clock)].filter(Boolean).join(" · "));
}
