// What the page knows: the site document, the live state, and how far both can be trusted. Views subscribe to the
// topics that they show and are drawn at most once a frame.

/** How the page stands with the gateway: `connecting`, `live` or `lost`. */
export const link = { state: "connecting", since: null };

/** What is known of the plant. Values are to be shown as current only while `isLive()`. */
export const known = {
  site: null,
  points: new Map(),
  devices: new Map(),
  outputs: new Map(),
  alarms: new Map(),
  values: new Map(),
  uplinks: new Map(),
  risk: null,
  /** What keeps the gateway from keeping alarms, in both languages; null when nothing does. */
  fault: null,
  events: [],
};

const clock = { wall: null, mono: 0, offset: 0, sync: "unknown" };
const listeners = new Map();
const due = new Set();
let isScheduled = false;

/** Calls `draw` soon after any of the topics changes. */
export function on(topics, draw) {
  for (const topic of topics) {
    if (!listeners.has(topic)) listeners.set(topic, new Set());
    listeners.get(topic).add(draw);
  }
}

/** Says that something shown under these topics changed. */
export function changed(...topics) {
  for (const topic of topics) for (const draw of listeners.get(topic) ?? []) due.add(draw);
  if (isScheduled || due.size === 0) return;
  isScheduled = true;
  // A hidden page gets no animation frames, but its title must go on telling of alarms.
  if (document.hidden) setTimeout(drawDue, 0);
  else requestAnimationFrame(drawDue);
}

function drawDue() {
  isScheduled = false;
  const draws = [...due];
  due.clear();
  for (const draw of draws) draw();
}

/** Whether what is shown is what the gateway says now. */
export const isLive = () => link.state === "live";

/** Says how the page stands with the gateway, since `at` on the page's own monotonic clock. */
export function setLink(state, at = performance.now()) {
  if (link.state === state) return;
  link.state = state;
  link.since = gatewayAt(at);
  document.documentElement.dataset.link = state;
  changed("link", "values", "alarms", "risk", "devices", "uplinks");
}

/** Sets the gateway's clock: what it shows, and what vouches for it. */
export function setClock({ at, clock: sync }) {
  clock.wall = Date.parse(at);
  clock.mono = performance.now();
  clock.offset = offsetOf(at);
  clock.sync = sync;
  changed("clock");
}

/** The gateway's time in milliseconds since 1970, or null while it is not known. */
export const gatewayNow = () => gatewayAt(performance.now());

const gatewayAt = (mono) => (clock.wall === null ? null : clock.wall + (mono - clock.mono));

/** Whether nothing vouches for the gateway's clock, so that what it stamps now may be wrong. */
export const isClockUnset = () => clock.sync === "unsynced";

/** Minutes that the site's clocks are ahead of UTC. */
export const siteOffset = () => clock.offset;

function offsetOf(stamp) {
  const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)$/.exec(stamp) ?? ["", "+", "0", "0"];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

export function setSite(site) {
  known.site = site;
  known.points = new Map(site.points.map((point) => [point.id, point]));
  known.devices.clear();
  known.outputs.clear();
  changed("site", "language");
}

/** The whole state: whatever was known before is forgotten. */
export function setState(state) {
  for (const map of [known.alarms, known.devices, known.outputs, known.values, known.uplinks]) map.clear();
  setFault(state);
  setBoard(state.board);
  setValues(state.values);
}

/** What changed on the board; null takes an entry away. */
export function setBoard(board) {
  merge(known.alarms, board.alarms);
  merge(known.devices, board.devices);
  merge(known.outputs, board.outputs);
  if (board.risk) known.risk = board.risk;
  changed("alarms", "devices", "outputs", "risk", "values");
}

export function setFault({ fault }) {
  known.fault = fault;
  changed("fault");
}

export function setValues(values) {
  merge(known.values, values.points);
  merge(known.uplinks, values.uplinks);
  changed("values");
  if (Object.keys(values.uplinks).length > 0) changed("uplinks");
}

function merge(map, entries) {
  for (const [key, entry] of Object.entries(entries)) {
    if (entry === null) map.delete(key);
    else map.set(key, entry);
  }
}

const EVENTS_KEPT = 50;

/** Before the journal is read anew: after a loss it may be another journal. */
export function forgetEvents() {
  known.events = [];
}

/** Adds journalled events, newest first. Answers whether some in between are missing. */
export function addEvents(events) {
  const bySeq = new Map([...events, ...known.events].map((event) => [event.seq, event]));
  const sorted = [...bySeq.values()].sort((a, b) => b.seq - a.seq).slice(0, EVENTS_KEPT);
  const gap = sorted.findIndex((event, i) => i > 0 && sorted[i - 1].seq !== event.seq + 1);
  known.events = gap < 0 ? sorted : sorted.slice(0, gap);
  changed("events");
  return gap >= 0;
}
