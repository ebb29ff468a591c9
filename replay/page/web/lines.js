// Cumulative volume delta, imbalance, and the flow: prints and parent orders a second, spikes.

import { colours, rgb, word } from "./colours.js";
import { box, eachBook, makePane, picture, pieces } from "./pane.js";
import { store } from "./store.js";
import { view } from "./view.js";
import { number } from "./words.js";

// The least and largest of a column in view, a little room about them.
function around(column, first, end, least) {
  let low = Infinity, high = -Infinity;
  for (let n = first; n < end; n++) { const v = column[n]; if (v < low) low = v; if (v > high) high = v; }
  if (low > high) return [-least, least];
  const middle = (low + high) / 2, half = Math.max(least, (high - low) / 2) * 1.15;
  return [middle - half, middle + half];
}

function stepLine(u, column, colour, wide) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath(); ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height); ctx.clip();
  ctx.beginPath();
  let last = -1;
  const y0 = u.valToPos(0, "y", true), perUnit = u.valToPos(1, "y", true) - y0;
  eachBook(bbox.width, (n, a, b) => {
    const y = y0 + column[n] * perUnit, x = bbox.left + a;
    if (a === last) ctx.lineTo(x, y); else ctx.moveTo(x, y);
    ctx.lineTo(bbox.left + b, y);
    last = b;
  });
  ctx.strokeStyle = colour; ctx.lineWidth = wide * devicePixelRatio; ctx.stroke();
  ctx.restore();
}

function zeroLine(u) {
  const { ctx, bbox } = u, y = Math.round(u.valToPos(0, "y", true)) + 0.5;
  if (y < bbox.top || y > bbox.top + bbox.height) return;
  ctx.strokeStyle = colours.line; ctx.lineWidth = devicePixelRatio;
  ctx.beginPath(); ctx.moveTo(bbox.left, y); ctx.lineTo(bbox.left + bbox.width, y); ctx.stroke();
}

export function makeCvd() {
  let range = [-1, 1];
  return makePane({
    id: "pane-cvd", share: 11, space: 20,
    before: (first, end) => { range = around(store.books.cvd, first, end, 0.5); },
    range: () => range,
    ticks: (value) => number(value, Math.abs(range[1] - range[0]) > 8 ? 0 : 1, true),
    under: zeroLine,
    draw: (u) => stepLine(u, store.books.cvd, colours.series, 1.4),
    legend: (row) => {
      const value = row < 0 ? null : store.books.cvd[row], now = view.cursor === null;
      return pieces(["CVD", number(value, 3, true), sign(value)],
        ["in 10 s", now ? number(store.now?.features.cvd_10s, 1, true) : "·"]);
    },
  });
}

const sign = (value) => (value > 0 ? "bid" : value < 0 ? "ask" : "");
const bars = picture();

// Bars from nothing to the imbalance, in the colour of the heavier side.
function drawObi(u) {
  const width = Math.round(u.bbox.width / devicePixelRatio), height = Math.round(u.bbox.height / devicePixelRatio);
  if (width < 2 || height < 2 || !store.books.n) return;
  const pixels = bars.begin(width, height), middle = height / 2;
  const fills = { bid: word(...rgb(colours.bid), 90), ask: word(...rgb(colours.ask), 90) };
  const edges = { bid: word(...rgb(colours.bid), 235), ask: word(...rgb(colours.ask), 235) };
  eachBook(width, (n, a, b) => {
    const value = store.books.obi[n], side = value > 0 ? "bid" : "ask";
    const y = Math.round(middle - (value * height) / 2.7);
    box(pixels, width, fills[side], a, b, Math.min(y, Math.floor(middle)), Math.ceil(Math.max(y, middle)));
    const edge = Math.min(height - 1, Math.max(0, y));
    box(pixels, width, edges[side], a, b, edge, edge + 1);
  });
  bars.lay(u);
}

export function makeObi() {
  return makePane({
    id: "pane-obi", share: 10, space: 16,
    range: () => [-1.35, 1.35], splits: () => [-1, 0, 1],
    ticks: (value) => number(value, 0, true),
    under: (u) => { zeroLine(u); drawObi(u); },
    legend: (row) => {
      const value = row < 0 ? null : store.books.obi[row];
      return pieces(["OBI", number(value, 3, true), sign(value)]);
    },
  });
}

const flow = picture();
let most = 1;

// Prints a second as a grey area, parent orders a second as a line, spikes as marks at their time.
function drawFlow(u) {
  const width = Math.round(u.bbox.width / devicePixelRatio), height = Math.round(u.bbox.height / devicePixelRatio);
  if (width < 2 || height < 2 || !store.books.n) return;
  const pixels = flow.begin(width, height), colour = word(...rgb(colours.dim), 110);
  eachBook(width, (n, a, b) => {
    box(pixels, width, colour, a, b, Math.max(0, Math.round(height * (1 - store.books.tps[n] / most))), height);
  });
  flow.lay(u);
}

function drawSpikes(u) {
  const { ctx, bbox } = u, r = 4 * devicePixelRatio;
  for (const signal of store.signals) {
    if (signal.t < view.from || signal.t > view.to || !signal.kind.startsWith("spike")) continue;
    const up = signal.kind === "spike_up", x = u.valToPos(signal.t, "x", true);
    const y = bbox.top + 22 * devicePixelRatio;
    ctx.fillStyle = up ? colours.bid : colours.ask;
    ctx.beginPath();
    ctx.moveTo(x, y - (up ? r : -r));
    ctx.lineTo(x - r, y + (up ? r : -r));
    ctx.lineTo(x + r, y + (up ? r : -r));
    ctx.fill();
  }
}

export function makeFlow() {
  return makePane({
    id: "pane-flow", share: 12, space: 18, axis: true,
    before: (first, end) => {
      let found = 10;
      for (let n = first; n < end; n++) if (store.books.tps[n] > found) found = store.books.tps[n];
      if (found * 1.15 > most || found * 1.15 < most * 0.5) most = found * 1.25;
    },
    range: () => [0, most], ticks: (value) => number(value, 0),
    under: drawFlow,
    draw: (u) => { stepLine(u, store.books.ops, colours.text, 1.2); drawSpikes(u); },
    legend: (row) => row < 0 ? pieces(["flow"]) : pieces(
      ["prints/s", number(store.books.tps[row], 0)],
      ["orders/s (line)", number(store.books.ops[row], 0)], ["▲▼ spikes"]),
  });
}
