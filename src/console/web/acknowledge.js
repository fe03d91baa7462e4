// Acknowledging: one press once the operator's name is known. The name is asked for once and kept in this browser.

import { el, text, attr } from "./dom.js";
import { changed, on } from "./store.js";
import { Refusal, acknowledge } from "./api.js";
import { recall, remember, say, t } from "./i18n.js";

const NAME_CHARS_MAX = 64;
const NOTE_CHARS_MAX = 500;

const pending = new Set();
let operator = recall("hazgate.operator") ?? "";

/** Who signs, as far as is known. */
export const whoSigns = () => operator;

const keyOf = (alarm) => `${alarm.alarm} ${alarm.raised_at}`;

/** Whether an acknowledgement of this instance is under way. */
export const isPending = (alarm) => pending.has(keyOf(alarm));

/** Acknowledges at once, or asks who does if that is not known yet. */
export function acknowledgeNow(alarm) {
  if (!alarm) return;
  if (operator) send(alarm, operator, "");
  else ask({ alarm });
}

export const acknowledgeWithNote = (alarm) => ask({ alarm, withNote: true });

/** Who signs, and a way to change it. */
export function drawOperator(node) {
  const name = el("span");
  const change = el("button", { type: "button", class: "quiet", onclick: () => ask({}) });
  node.append(name, change);
  on(["language", "operator"], () => {
    text(name, operator ? t("alarms.you", { name: operator }) : t("alarms.youUnknown"));
    text(change, t("alarms.change"));
  });
}

export function setOperator(name) {
  operator = name;
  remember("hazgate.operator", name);
  changed("operator");
}

async function send(alarm, by, note) {
  const key = keyOf(alarm);
  if (pending.has(key)) return;
  pending.add(key);
  changed("pending");
  try {
    await acknowledge(alarm.alarm, alarm.raised_at, by, note);
  } catch (error) {
    tell(error);
  } finally {
    pending.delete(key);
    changed("pending");
  }
}

const EXPLAINED = new Set(["shelved-too-long", "not-now", "no-reason", "not-standing", "other-instance", "unknown-alarm", "unavailable", "unreachable"]);

export function tell(error) {
  const kind = error instanceof Refusal && EXPLAINED.has(error.kind) ? error.kind : "other";
  const close = el("button", { type: "button", class: "quiet", text: "✕", "aria-label": t("ack.cancel"), onclick: () => toast.remove() });
  const toast = el("div", { class: "toast", role: "alert" }, el("span", { text: t(`refusal.${kind}`, { detail: error.message }) }), close);
  document.querySelector(".toast")?.remove();
  document.body.append(toast);
}

/** Asks for the name and, where an alarm is concerned, for a note. */
function ask({ alarm, withNote = false }) {
  const name = el("input", { name: "by", required: true, maxlength: NAME_CHARS_MAX, autocomplete: "name" });
  const note = el("textarea", { name: "reason", rows: 3, maxlength: NOTE_CHARS_MAX });
  name.value = operator;
  const form = el(
    "form",
    { method: "dialog" },
    el("h2", { id: "ask-title", text: t(alarm ? "ack.title" : "ack.nameTitle") }),
    ...(alarm ? [el("p", { text: say(alarm.message) })] : []),
    el("label", {}, el("span", { text: t("ack.name") }), name),
    ...(alarm ? [el("label", {}, el("span", { text: t("ack.note") }), note)] : []),
    el(
      "div",
      { class: "buttons" },
      el("button", { type: "button", class: "quiet", text: t("ack.cancel"), onclick: () => dialog.close() }),
      el("button", { type: "submit", class: "acknowledge", text: t(alarm ? "ack.do" : "ack.save") }),
    ),
  );
  const dialog = el("dialog", { "aria-labelledby": "ask-title", onclose: () => dialog.remove() }, form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const by = name.value.trim();
    if (!by) return name.focus();
    setOperator(by);
    dialog.close();
    // One line: the journal keeps no line breaks.
    if (alarm) send(alarm, by, note.value.replace(/\s+/g, " ").trim());
  });
  document.body.append(dialog);
  dialog.showModal();
  (withNote && operator ? note : name).focus();
  attr(dialog, "data-open", true);
}
