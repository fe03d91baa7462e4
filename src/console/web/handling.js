// What can be done to an alarm beside acknowledging it: shelve it for a while, take it out of service, take it up again, reset it.

import { el } from "./dom.js";
import { handle } from "./api.js";
import { isLive } from "./store.js";
import { setOperator, tell, whoSigns } from "./acknowledge.js";
import { say, t } from "./i18n.js";

const NAME_CHARS_MAX = 64;
const REASON_CHARS_MAX = 500;
const HOUR_S = 3600;
const SPANS_H = [1, 2, 4, 8];

/** What may be done in each state. */
function deedsFor(alarm) {
  if (alarm.state === "shelved") return ["unshelve"];
  if (alarm.state === "out_of_service") return ["in_service"];
  const deeds = ["shelve", "out_of_service"];
  return alarm.state === "latched_acknowledged" ? ["reset", ...deeds] : deeds;
}

const WANTS_REASON = new Set(["shelve", "out_of_service"]);

/** A button for each. */
export function handlingButtons(alarm) {
  return deedsFor(alarm).map((deed) => {
    const button = el("button", { type: "button", class: "quiet", text: t(`handle.${deed}`), onclick: () => ask(alarm, deed) });
    button.disabled = !isLive();
    return button;
  });
}

async function send(alarm, deed, body) {
  try {
    await handle(alarm.alarm, deed, body);
  } catch (error) {
    tell(error);
  }
}

function ask(alarm, deed) {
  const name = el("input", { name: "by", required: true, maxlength: NAME_CHARS_MAX, autocomplete: "name" });
  const reason = el("textarea", { name: "reason", rows: 3, maxlength: REASON_CHARS_MAX });
  const span = el("select", { name: "span" }, ...SPANS_H.map((hours) => el("option", { value: String(hours), text: t("handle.hours", { n: hours }) })));
  const needsReason = WANTS_REASON.has(deed);
  reason.required = needsReason;
  name.value = whoSigns();
  const form = el(
    "form",
    { method: "dialog" },
    el("h2", { id: "handle-title", text: t(`handle.${deed}`).replace("…", "") }),
    el("p", { text: say(alarm.message) }),
    ...(deed === "shelve" ? [el("label", {}, el("span", { text: t("handle.span") }), span)] : []),
    el("label", {}, el("span", { text: t("ack.name") }), name),
    el("label", {}, el("span", { text: t(needsReason ? "handle.reason" : "ack.note") }), reason),
    el(
      "div",
      { class: "buttons" },
      el("button", { type: "button", class: "quiet", text: t("ack.cancel"), onclick: () => dialog.close() }),
      el("button", { type: "submit", class: "acknowledge", text: t("handle.do") }),
    ),
  );
  const dialog = el("dialog", { "aria-labelledby": "handle-title", onclose: () => dialog.remove() }, form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const by = name.value.trim();
    // One line: the journal keeps no line breaks.
    const why = reason.value.replace(/\s+/g, " ").trim();
    if (!by) return name.focus();
    if (needsReason && !why) return reason.focus();
    setOperator(by);
    dialog.close();
    const seconds = deed === "shelve" ? { seconds: Number(span.value) * HOUR_S } : {};
    send(alarm, deed, { by, ...(why ? { reason: why } : {}), ...seconds });
  });
  document.body.append(dialog);
  dialog.showModal();
  (name.value ? reason : name).focus();
}
