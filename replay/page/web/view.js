// Which stretch of time is shown: it follows the last moment, or stands where it was put.

import { store } from "./store.js";

const LEAST = 2_000, MOST = 3_600_000; // ms
const AHEAD = 0.03; // of the window stays free at the right, for what comes

export const view = { span: 120_000, follow: true, hold: false, from: 0, to: 1, cursor: null, dirty: true };

const asked = [];
export const whenAsked = (call) => asked.push(call);

// However fast messages come, the next draw is not sooner: one takes some 25 ms without a GPU.
const APART = 45; // ms
let before = 0;

function drawAll() {
  view.dirty = false;
  before = performance.now();
  for (const call of asked) call();
}

export function redraw() {
  if (view.dirty) return;
  view.dirty = true;
  requestAnimationFrame(drawAll);
}

// For messages. Draw now, not at the next frame, so that the work is done when the frame is due.
export function redrawNow() {
  if (view.dirty) return;
  if (document.hidden) return redraw();
  const wait = before + APART - performance.now();
  if (wait <= 0) return drawAll();
  view.dirty = true;
  setTimeout(() => requestAnimationFrame(drawAll), wait);
}

export function begin() { view.dirty = false; redraw(); }

// The last moment that is known: that of the run, which goes on in silence.
export function last() {
  const { books, now } = store;
  return Math.max(now?.ms ?? 0, books.n ? books.t[books.n - 1] : 0);
}

export function settle() {
  if (view.follow && !view.hold) {
    view.to = last() + view.span * AHEAD;
    view.from = view.to - view.span;
  }
}

export function setSpan(ms) {
  view.span = Math.min(MOST, Math.max(LEAST, ms));
  if (!view.follow || view.hold) view.from = view.to - view.span;
  redraw();
}

export function zoom(factor, at) {
  const span = Math.min(MOST, Math.max(LEAST, view.span * factor));
  const share = (at - view.from) / view.span;
  view.span = span;
  if (!view.follow || view.hold) { view.from = at - share * span; view.to = view.from + span; }
  redraw();
}

export function pan(ms) {
  view.follow = false;
  view.from += ms; view.to += ms;
  if (view.to > last() + view.span * AHEAD && ms > 0) view.follow = true;
  redraw();
}

export function showAround(ms) {
  view.follow = false;
  view.from = ms - view.span / 2; view.to = view.from + view.span;
  redraw();
}

export function setFollow(on) { view.follow = on; if (on) view.hold = false; redraw(); }
export function setHold(on) { view.hold = on; if (!on) view.follow = true; redraw(); }
