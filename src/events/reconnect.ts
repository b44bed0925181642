/** Clients of a gateway that stops come back within this time, each at a moment of its own. */
const FROM_MS = 1_000;
const SPREAD_MS = 4_000;

/** After how long one client should reconnect when the gateway stops: all at once would overload the next one. */
export function reconnectMs(): number {
  return Math.round(FROM_MS + Math.random() * SPREAD_MS);
}
