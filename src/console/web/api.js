// Requests to the gateway. A refusal becomes an error that carries the problem's type, for a message in the
// operator's language, and the gateway's own sentence.

const TIMEOUT_MS = 15000;

/** A refusal by the gateway (RFC 9457), or `unreachable`. */
export class Refusal extends Error {
  constructor(kind, detail) {
    super(detail);
    this.kind = kind;
  }
}

export const fetchSite = () => request("GET", "/api/v1/site");

export const fetchState = () => request("GET", "/api/v1/state");

export const fetchEvents = (limit) => request("GET", `/api/v1/events?limit=${limit}`);

/** What the meters say of a day, line by line. */
export const fetchReport = (day) => request("GET", `/api/v1/power/report?day=${day}`);

/** Acknowledges the instance of the alarm that the operator saw. */
/** Does something else to an alarm: `shelve`, `unshelve`, `out_of_service`, `in_service`, `reset`. */
export const handle = (alarm, deed, body) => request("POST", `/api/v1/alarms/${encodeURIComponent(alarm)}/${deed}`, body);

export const acknowledge = (alarm, raisedAt, by, reason) =>
  request("POST", `/api/v1/alarms/${encodeURIComponent(alarm)}/acknowledge`, {
    by,
    raised_at: raisedAt,
    ...(reason ? { reason } : {}),
  });

async function request(method, path, body) {
  const response = await fetch(path, {
    method,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {}),
  }).catch((error) => {
    throw new Refusal("unreachable", error.message);
  });
  if (!response.ok) throw await refusal(response);
  return response.status === 204 ? null : response.json();
}

async function refusal(response) {
  const problem = await response.json().catch(() => ({}));
  const kind = String(problem.type ?? "").split(":").at(-1);
  return new Refusal(kind, problem.detail ?? `HTTP ${response.status}`);
}
