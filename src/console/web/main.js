// The page: draws each part, then listens to the gateway.

import { listen } from "./stream.js";
import { drawFault, drawHeader } from "./header.js";
import { drawRisk } from "./risk.js";
import { drawAlarms } from "./alarms.js";
import { drawHazards } from "./hazards.js";
import { drawEvents } from "./events.js";
import { drawOutputs } from "./outputs.js";
import { drawDevices, drawUplinks } from "./devices.js";

drawHeader(document.getElementById("bar"), document.getElementById("lost"));
drawFault(document.getElementById("fault"));
drawRisk(document.getElementById("risk"));
drawAlarms(document.getElementById("alarms"), document.getElementById("spoken"));
drawHazards(document.getElementById("hazards"));
drawEvents(document.getElementById("events"));
drawOutputs(document.getElementById("outputs"));
drawDevices(document.getElementById("devices"));
drawUplinks(document.getElementById("uplinks"));
listen();
