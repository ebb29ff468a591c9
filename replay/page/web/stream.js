// The stream of messages; it comes back by itself, and is then told everything anew.

import { store, take } from "./store.js";

export const paints = []; // ms from the server's send to the paint, the last ones: for who measures
let source = null, unpainted = null;

export function listen(symbol, came, state) {
  source?.close();
  source = new EventSource(symbol ? `/events?symbol=${encodeURIComponent(symbol)}` : "/events");
  source.addEventListener("open", () => state("open"));
  source.addEventListener("error", () => {
    state("lost");
    // A browser gives up for good on an answer that is no stream: a symbol that is gone, say.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(null, came, state), 2_000);
  });
  source.addEventListener("message", (event) => {
    const { sent, says } = JSON.parse(event.data);
    unpainted ??= sent;
    take(says);
    came(says);
  });
}

// After a frame was drawn: a task of its own runs when the browser has painted it.
const channel = new MessageChannel();
channel.port1.onmessage = (event) => {
  paints.push(Date.now() - event.data);
  if (paints.length > 2_000) paints.splice(0, 1_000);
};

export function drawn() {
  if (unpainted === null) return;
  const sent = unpainted;
  unpainted = null;
  requestAnimationFrame(() => channel.port2.postMessage(sent));
}

export const silentFor = () => (performance.now() - store.heard) / 1000;
