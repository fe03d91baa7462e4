// The live stream: opens it, feeds the store, and notices at once when it is lost. The gateway says something at
// least every two seconds, unless it is stuck; three such silences are a loss, even if the connection itself still looks open.

import { addEvents, changed, forgetEvents, isLive, known, setBoard, setClock, setFault, setLink, setSite, setState, setValues } from "./store.js";
import { fetchEvents, fetchSite, fetchState } from "./api.js";

const SILENCE_MAX_MS = 6000;
const RETRY_MS = 2000;

let source = null;
/** When the gateway last said anything, and since when it has been silent to this attempt. */
let heardAt = 0;
let silentSince = { mono: 0, wall: 0 };
let attempt = 0;
let retry = null;
let version = null;
let isSiteCurrent = false;

/** Starts listening, and goes on for as long as the page is open. */
export function listen() {
  open();
  setInterval(watch, 500);
  document.addEventListener("visibilitychange", watch);
  addEventListener("offline", lose);
}

async function open() {
  const mine = ++attempt;
  retry = null;
  silentSince = now();
  // The site document first: without it no frame can be shown, and a frame skipped is a state that is wrong.
  if (!isSiteCurrent) {
    const site = await fetchSite().catch(() => null);
    if (mine !== attempt) return;
    if (!site) return lose();
    setSite(site);
    isSiteCurrent = true;
  }
  source = new EventSource("/api/v1/stream");
  hear("state", begin);
  hear("board", setBoard);
  hear("values", setValues);
  hear("fault", setFault);
  hear("event", (event) => addEvents([event]) && refreshEvents());
  hear("beat", (beat) => setClock(beat));
  source.onerror = lose;
}

function hear(name, take) {
  const from = source;
  from.addEventListener(name, (message) => {
    if (from !== source) return;
    silentSince = now();
    heardAt = silentSince.mono;
    // Between a loss and the next whole state, nothing that is heard can be trusted to be complete.
    if (isLive() || name === "state" || name === "beat") take(JSON.parse(message.data));
  });
}

const now = () => ({ mono: performance.now(), wall: Date.now() });

/** By two clocks: one stands still while the computer sleeps, the other may be set back. */
const silence = () => Math.max(now().mono - silentSince.mono, now().wall - silentSince.wall);

function watch() {
  if (retry === null && silence() > SILENCE_MAX_MS) lose();
  changed("second");
}

/** Says that the stream is lost, and tries again by itself. */
function lose() {
  attempt += 1;
  source?.close();
  source = null;
  // What stands on the page is as old as the last word from the gateway, not as the moment of noticing.
  setLink("lost", heardAt);
  retry ??= setTimeout(open, RETRY_MS);
  askFault();
}

/** A gateway that is stuck feeds no stream, but can still say what is wrong with it. */
async function askFault() {
  const mine = attempt;
  const state = await fetchState().catch(() => null);
  if (state && mine === attempt) setFault(state);
}

function begin(state) {
  version ??= state.version;
  // Another version of Hazgate brings another page; another site file, another site document.
  if (state.version !== version) return location.reload();
  if (state.config !== known.site.config) {
    isSiteCurrent = false;
    return lose();
  }
  forgetEvents();
  setState(state);
  setLink("live");
  refreshEvents();
}

async function refreshEvents() {
  try {
    addEvents((await fetchEvents(50)).events);
  } catch {
    // The journal is for reading back; the live state does not depend on it. The next event tries again.
  }
}
