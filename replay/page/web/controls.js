// The bar above and the transport below: what a hand can do, and the keys that do it.

import { store } from "./store.js";
import { last, setFollow, setHold, setSpan, showAround, view } from "./view.js";

const get = (id) => document.getElementById(id);
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

// Ask the server to do something to the replay. The header says that the page itself asks.
export async function control(asked) {
  const answer = await fetch(`/control?${new URLSearchParams(asked)}`, { headers: { "X-Micropulse": "1" } });
  if (answer.ok) return true;
  say((await answer.text()).trim());
  return false;
}

let saidUntil = 0;

export function say(words) {
  const notice = get("notice");
  notice.textContent = words;
  notice.hidden = !words;
  saidUntil = performance.now() + 4_000;
}

export function quiet() { if (!get("notice").hidden && performance.now() > saidUntil) get("notice").hidden = true; }

export const seek = (ms) => control({ do: "seek", ms: Math.round(ms) });
const isReplay = () => store.player !== null;

export function playOrPause() {
  if (isReplay()) return control({ do: store.player.playing ? "pause" : "play" });
  setHold(!view.hold);
}

function faster(by) {
  const at = SPEEDS.findIndex((speed) => speed >= store.player.speed);
  control({ do: "speed", x: SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + by))] });
}

function trade(by) {
  const now = store.player.ms, trips = store.miniature?.trips ?? [];
  const next = () => trips.find((trip) => trip.exit > now + 500);
  const before = () => trips.findLast((trip) => trip.exit < now - 2_500); // the one shown is past
  const later = by > 0 ? next() : before();
  if (!later) return say(by > 0 ? "There is no later trade." : "There is no earlier trade.");
  toTrade(later);
}

// Stand a little after its exit, with all of it in view.
export async function toTrade(trip) {
  const long = trip.exit - trip.entry, rest = Math.max(2_000, long * 0.15);
  await control({ do: "pause" });
  await seek(trip.exit + rest);
  view.span = Math.max(30_000, long * 1.6);
  setFollow(true);
}

export function moment() {
  const found = /^#t=(\d+)$/.exec(location.hash), trip = /^#trade-(\d+)$/.exec(location.hash);
  return { ms: found ? Number(found[1]) : null, trade: trip ? Number(trip[1]) : null };
}

const spans = () => document.querySelectorAll("#spans button");

function step(by) {
  setFollow(true);
  return control({ do: "step", by });
}

export function startControls() {
  for (const button of spans()) button.addEventListener("click", () => setSpan(Number(button.dataset.s) * 1000));
  get("follow").addEventListener("click", () => setFollow(!view.follow));
  get("freeze").addEventListener("click", () => setHold(!view.hold));
  get("play").addEventListener("click", playOrPause);
  get("slower").addEventListener("click", () => faster(-1));
  get("faster").addEventListener("click", () => faster(1));
  get("trade-before").addEventListener("click", () => trade(-1));
  get("trade-after").addEventListener("click", () => trade(1));
  for (const button of document.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => step(button.dataset.step));
  }
  get("link").addEventListener("click", (event) => {
    event.preventDefault();
    history.replaceState(null, "", `#t=${store.player.ms}`);
    const copied = () => say("The address of this moment is copied.");
    navigator.clipboard?.writeText(location.href).then(copied, () => say(location.href));
  });
  document.addEventListener("keydown", pressed);
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select")) return;
  const steps = { ".": "event", p: "print", n: "signal" };
  if (event.key === " ") playOrPause();
  else if (event.key === "f") setFollow(!view.follow);
  else if (event.key === "ArrowLeft" || event.key === "ArrowRight") nudge(event.key === "ArrowLeft" ? -1 : 1);
  else if (event.key === "-" || event.key === "+") setSpan(view.span * (event.key === "-" ? 1.5 : 1 / 1.5));
  else if (isReplay() && steps[event.key]) step(steps[event.key]);
  else return;
  event.preventDefault();
}

function nudge(side) {
  if (isReplay()) return seek(store.player.ms + side * view.span * 0.1);
  showAround((view.follow ? last() : (view.from + view.to) / 2) + side * view.span * 0.25);
}

// What the buttons say.
export function drawControls() {
  const press = (button, on) => button.setAttribute("aria-pressed", on);
  press(get("follow"), view.follow && !view.hold);
  press(get("freeze"), view.hold);
  for (const button of spans()) press(button, Number(button.dataset.s) * 1000 === Math.round(view.span));
  if (!isReplay()) return;
  get("freeze").hidden = true;
  get("play").textContent = store.player.playing ? "❚❚" : "▶";
  get("speed").textContent = `${store.player.speed}×`;
  for (const id of ["trade-before", "trade-after"]) get(id).disabled = !store.miniature?.trips.length;
}
