// The live stream: opens it, feeds the store, and notices at once when it is lost. The gateway says something at
// least every two seconds; three such silences are a loss, even if the connection itself still looks open.

import { addEvents, changed, forgetEvents, isLive, known, setBoard, setClock, setLink, setSite, setState, setValues } from "./store.js";
import { fetchEvents, fetchSite } from "./api.js";

const SILENCE_MAX_MS = 6000;
const RETRY_MS = 2000;

let source = null;
let heardAt = 0;
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
  retry = null;
  heardAt = performance.now();
  // The site document first: without it no frame can be shown, and a frame skipped is a state that is wrong.
  if (!isSiteCurrent) {
    try {
      setSite(await fetchSite());
      isSiteCurrent = true;
    } catch {
      return lose();
    }
  }
  heardAt = performance.now();
  source = new EventSource("/api/v1/stream");
  hear("state", begin);
  hear("board", setBoard);
  hear("values", setValues);
  hear("event", (event) => addEvents([event]) && refreshEvents());
  hear("beat", (beat) => setClock(beat.at));
  source.onerror = lose;
}

function hear(name, take) {
  const from = source;
  from.addEventListener(name, (message) => {
    if (from !== source) return;
    heardAt = performance.now();
    // Between a loss and the next whole state, nothing that is heard can be trusted to be complete.
    if (isLive() || name === "state" || name === "beat") take(JSON.parse(message.data));
  });
}

function watch() {
  if (retry === null && performance.now() - heardAt > SILENCE_MAX_MS) lose();
  changed("second");
}

/** Says that the stream is lost, and tries again by itself. */
function lose() {
  source?.close();
  source = null;
  setLink("lost");
  retry ??= setTimeout(open, RETRY_MS);
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
