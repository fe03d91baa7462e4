// What the gateway reads from, and what it delivers to: whether each works, since when, and what went wrong.

import { known } from "./store.js";
import { say, t } from "./i18n.js";
import { drawList } from "./states.js";

export function drawDevices(section) {
  drawList(section, "devices", ["devices", "site"], () =>
    (known.site?.devices ?? []).map((device) => {
      const status = known.devices.get(device.id);
      return {
        id: device.id,
        title: say(device.title),
        where: `${device.protocol} ${device.address}`,
        state: status?.state ?? "unknown",
        word: t(`device.${status?.state ?? "unknown"}`),
        since: status?.since,
        error: say(status?.error),
        more: counted(status?.counters),
      };
    }),
  );
}

/** How often the device was asked, and what went wrong how often; what never did is not mentioned. */
function counted(counters) {
  const told = Object.entries(counters ?? {}).filter(([, n]) => n > 0);
  // Polls alone say nothing: they are told only with what went wrong.
  if (told.every(([name]) => name === "polls")) return "";
  return told.map(([name, n]) => t(`count.${name}`, { n })).join(" · ");
}

export function drawUplinks(section) {
  drawList(section, "uplinks", ["uplinks", "site"], () =>
    (known.site?.forwarders ?? []).map((forwarder) => {
      const status = known.uplinks.get(forwarder.id);
      const state = status ? (status.connected ? "up" : "down") : "unknown";
      return {
        id: forwarder.id,
        title: forwarder.id,
        where: `${forwarder.kind} ${forwarder.target}`,
        state,
        word: t(state === "unknown" ? "device.unknown" : `uplink.${state}`),
        since: status?.since,
        error: say(status?.error),
      };
    }),
  );
}
