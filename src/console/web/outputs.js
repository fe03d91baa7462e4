// What the gateway may switch: whether each is on, what it is to be and why, and whether it does as it is told.

import { attr } from "./dom.js";
import { known, on } from "./store.js";
import { say, t } from "./i18n.js";
import { isActive } from "./alarms.js";
import { gravity } from "./level.js";
import { drawList } from "./states.js";

export function drawOutputs(section) {
  drawList(section, "outputs", ["outputs", "alarms", "site"], () => (known.site?.outputs ?? []).map(item));
  on(["site"], () => attr(section, "hidden", !known.site?.outputs.length));
}

function item(output) {
  const status = known.outputs.get(output.id);
  const state = stateOf(output, status);
  return {
    id: output.id,
    title: say(output.title),
    where: status && output.enabled ? t("outputs.both", { wanted: onOff(status.wanted), on: onOff(status.on) }) : "",
    state,
    word: t(`output.${state}`),
    since: status?.since,
    error: say(status?.error),
    more: status ? why(status) : "",
  };
}

function stateOf(output, status) {
  if (!output.enabled) return "idle";
  if (!status) return "unknown";
  const failed = known.alarms.get(output.failed_alarm);
  if (failed && isActive(failed)) return "down";
  if (status.error) return "degraded";
  if (!status.confirmed) return "turning";
  if (status.on === null) return "unknown";
  return status.wanted ? "on" : "off";
}

const onOff = (value) => t(value === null ? "output.notRead" : value ? "output.isOn" : "output.isOff");

/** Whose command holds, or which alarms call for it. */
function why({ by, reason, alarms }) {
  if (by) return reason ? t("outputs.byFor", { by, reason }) : t("outputs.by", { by });
  const gravest = alarms.map((name) => known.alarms.get(name) ?? { alarm: name }).sort((a, b) => gravity(b.level) - gravity(a.level));
  const [first, ...others] = gravest.map((alarm) => say(alarm.message) || alarm.alarm);
  if (!first) return "";
  return others.length > 0 ? t("outputs.alarms", { first, n: others.length }) : t("outputs.alarm", { first });
}
