// Price: what the visible levels held (the ribbon), the best bid and ask, prints, walls and their ends,
// our own fills, position and orders.

import { STEPS, colours, shades } from "./colours.js";
import { box, eachBook, makePane, picture, pieces } from "./pane.js";
import { drawPrints, joined, printsInView } from "./prints.js";
import { full, settleFull, shadeOf } from "./quantity.js";
import { rowAt, store } from "./store.js";
import { view } from "./view.js";
import { digits, plain, px, shortQty, signed } from "./words.js";

const TAU = Math.PI * 2;
const range = { low: 0, high: 1, span: 0, version: -1 };
const ribbon = picture();

// The prices in view. It grows at once and shrinks late, so that the picture stands still.
function settleRange(first, end) {
  const { books, prints, now } = store, wide = store.levels * 2;
  let low = Infinity, high = -Infinity;
  for (let n = first; n < end; n++) {
    const at = n * wide;
    for (let k = 0; k < store.levels; k++) {
      if (books.q[at + k] > 0) low = Math.min(low, books.bb[n] - books.o[at + k]);
      if (books.q[at + store.levels + k] > 0) high = Math.max(high, books.ba[n] + books.o[at + store.levels + k]);
    }
  }
  for (let [n, last] = printsInView(); n < last; n++) {
    if (prints.t[n] < view.from) continue;
    low = Math.min(low, prints.px[n]); high = Math.max(high, prints.px[n]);
  }
  const held = now?.position;
  if (held?.qty && view.follow) {
    const entry = held.entry_px * 10 ** digits.px;
    if (Math.abs(entry - (low + high) / 2) < (high - low) * 2 + 200 * digits.tick) {
      low = Math.min(low, entry);
      high = Math.max(high, entry);
    }
  }
  if (low > high) return;
  const pad = Math.max((high - low) * 0.06, 3 * digits.tick);
  const fits = low >= range.low && high <= range.high && (high - low + 2 * pad) > (range.high - range.low) * 0.6;
  if (fits && range.span === view.span && range.version === store.version) return;
  range.low = low - pad;
  range.high = high + pad;
  range.span = view.span;
  range.version = store.version;
}

function drawRibbon(u) {
  const width = Math.round(u.bbox.width / devicePixelRatio), height = Math.round(u.bbox.height / devicePixelRatio);
  if (width < 2 || height < 2 || !store.books.n || !full.level) return;
  const pixels = ribbon.begin(width, height), { books, levels: L } = store;
  const perUnit = height / (range.high - range.low);
  const tall = Math.max(3, Math.round(digits.tick * perUnit));
  eachBook(width, (n, a, b) => {
    for (let k = 0; k < L * 2; k++) {
      const q = books.q[n * L * 2 + k];
      if (q <= 0) continue;
      const bid = k < L, price = bid ? books.bb[n] - books.o[n * L * 2 + k] : books.ba[n] + books.o[n * L * 2 + k];
      const colour = shades[bid ? "bid" : "ask"][Math.min(STEPS, 7 + shadeOf(q))]; // thin lines must be seen
      const top = Math.round((range.high - price) * perUnit - tall / 2);
      box(pixels, width, colour, a, b, Math.max(0, top), Math.min(height, top + tall));
    }
  });
  ribbon.lay(u);
}

const atY = (u, price) => u.valToPos(price, "y", true);
const atX = (u, t) => u.valToPos(t, "x", true);

function drawWalls(u) {
  const { ctx } = u, ratio = devicePixelRatio;
  const line = (wall, to) => {
    if (to < view.from || wall.from > view.to) return;
    const y = Math.round(atY(u, wall.px)) + 0.5;
    ctx.beginPath();
    ctx.moveTo(atX(u, Math.max(wall.from, view.from)), y);
    ctx.lineTo(atX(u, Math.min(to, view.to)), y);
    ctx.stroke();
  };
  ctx.strokeStyle = colours.wall; ctx.lineWidth = 2 * ratio; ctx.globalAlpha = 0.9;
  for (const wall of store.walls.values()) line(wall, store.now?.ms ?? view.to);
  for (const wall of store.ended) line(wall, wall.to);
  ctx.globalAlpha = 1;
  for (const wall of store.ended) {
    if (wall.to < view.from || wall.to > view.to) continue;
    endMark(ctx, wall.end, atX(u, wall.to), atY(u, wall.px), 4 * ratio);
  }
}

// How a wall ended: pulled ✕, eaten ●, slid out of view ▸.
export function endMark(ctx, end, x, y, r) {
  ctx.lineWidth = r / 2.6; ctx.strokeStyle = colours.wall; ctx.fillStyle = colours.wall;
  ctx.beginPath();
  if (end === "cancelled") {
    ctx.moveTo(x - r, y - r);
    ctx.lineTo(x + r, y + r);
    ctx.moveTo(x + r, y - r);
    ctx.lineTo(x - r, y + r);
    ctx.stroke();
  } else if (end === "eaten") {
    ctx.arc(x, y, r, 0, TAU);
    ctx.fill();
  } else { // no end: it may come back
    ctx.moveTo(x, y - r * 0.8);
    ctx.lineTo(x + r, y);
    ctx.lineTo(x, y + r * 0.8);
    ctx.globalAlpha = 0.4;
    ctx.fill();
    ctx.globalAlpha = 1;
  }
}

function drawBest(u) {
  const { ctx } = u, width = u.bbox.width, { books } = store;
  for (const [column, colour] of [[books.bb, colours.bid], [books.ba, colours.ask]]) {
    ctx.beginPath();
    let last = -1;
    eachBook(width, (n, a, b) => {
      const y = atY(u, column[n]), x = u.bbox.left + a;
      if (a !== last) ctx.moveTo(x, y); else ctx.lineTo(x, y);
      ctx.lineTo(u.bbox.left + b, y);
      last = b;
    });
    ctx.strokeStyle = colour; ctx.lineWidth = 1.25 * devicePixelRatio; ctx.stroke();
  }
}

// `lift`: of the words, in lines above the price.
function level(u, price, words, colour, from, dash, lift = 0) {
  const { ctx, bbox } = u, ratio = devicePixelRatio, y = Math.round(atY(u, price)) + 0.5;
  if (y < bbox.top || y > bbox.top + bbox.height) return;
  const x = Math.max(bbox.left, atX(u, from));
  ctx.strokeStyle = colour; ctx.lineWidth = ratio; ctx.setLineDash(dash.map((d) => d * ratio));
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.setLineDash([]);
  tag(ctx, words, Math.max(x, bbox.left + bbox.width - 4 * ratio), y - lift * 14 * ratio, colour, ratio);
}

function tag(ctx, words, right, y, colour, ratio) {
  ctx.font = `600 ${10 * ratio}px system-ui, sans-serif`;
  const wide = ctx.measureText(words).width + 8 * ratio;
  ctx.fillStyle = colours.panel;
  ctx.globalAlpha = 0.85;
  ctx.fillRect(right - wide, y - 7 * ratio, wide, 14 * ratio);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colour; ctx.textBaseline = "middle"; ctx.textAlign = "right";
  ctx.fillText(words, right - 4 * ratio, y + 0.5); ctx.textAlign = "left";
}

function drawHeld(u) {
  const held = store.now?.position, unit = 10 ** digits.px;
  if (held?.qty) {
    const [side, away] = held.qty > 0 ? ["long", 1] : ["short", -1]; // not where the fill's mark stands
    level(u, held.entry_px * unit, `${side} ${signed(held.unrealised)}`, colours.held, held.entry_ms, [5, 3], away);
    if (held.tp_px !== null) level(u, held.tp_px * unit, "TP", colours.bid, held.entry_ms, [2, 3]);
    if (held.sl_px !== null) level(u, held.sl_px * unit, "SL", colours.ask, held.entry_ms, [2, 3]);
  }
  for (const order of store.now?.orders ?? []) {
    const words = `${order.side > 0 ? "buy" : "sell"} ${plain(order.kind)}`;
    if (order.px > 0) level(u, order.px, words, colours.series, order.ms, [1, 2]);
  }
}

function drawFills(u) {
  const { ctx, bbox } = u, ratio = devicePixelRatio, unit = 10 ** digits.px;
  for (const trip of store.trips) {
    if (trip.exit < view.from || trip.entry > view.to) continue;
    ctx.strokeStyle = colours.held;
    ctx.lineWidth = 1.5 * ratio;
    ctx.setLineDash([4 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(atX(u, trip.entry), atY(u, trip.entry_px * unit));
    ctx.lineTo(atX(u, trip.exit), atY(u, trip.exit_px * unit));
    ctx.stroke();
    ctx.setLineDash([]);
  }
  const taken = []; // boxes of labels
  for (const fill of store.fills) {
    if (fill.t < view.from || fill.t > view.to) continue;
    const x = atX(u, fill.t), y = atY(u, fill.px), r = 6.5 * ratio, up = fill.side > 0;
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(x - r, y + (up ? 1.7 : -1.7) * r);
    ctx.lineTo(x + r, y + (up ? 1.7 : -1.7) * r);
    ctx.closePath();
    ctx.lineWidth = 1.5 * ratio;
    ctx.strokeStyle = colours.held;
    ctx.fillStyle = fill.closes ? colours.panel : colours.held;
    ctx.fill(); ctx.stroke();
    const words = plain(fill.reason);
    ctx.font = `${10.5 * ratio}px system-ui, sans-serif`;
    const wide = ctx.measureText(words).width + 6 * ratio;
    const left = Math.min(x - wide / 2, bbox.left + bbox.width - wide);
    if (view.span > 600_000) continue;
    const high = 13 * ratio, away = up ? 1 : -1;
    let middle = Math.min(Math.max(y + away * 3 * r, bbox.top + 24 * ratio), bbox.top + bbox.height - 10 * ratio);
    const meets = ([l, w, m]) => left < l + w && l < left + wide && Math.abs(m - middle) < high;
    for (let k = 0; k < 4 && taken.some(meets); k++) middle += away * high;
    taken.push([left, wide, middle]);
    ctx.fillStyle = colours.panel;
    ctx.globalAlpha = 0.8;
    ctx.fillRect(left, middle - 7 * ratio, wide, 14 * ratio);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colours.held;
    ctx.textBaseline = "middle";
    ctx.fillText(words, left + 3 * ratio, middle);
  }
}

// The last bid and ask on the axis.
function drawTags(u) {
  const { books } = store, { ctx, bbox } = u, ratio = devicePixelRatio;
  if (!books.n) return;
  const n = view.cursor === null ? rowAt(books.t, books.n, view.to) : rowAt(books.t, books.n, view.cursor);
  if (n < 0) return;
  const ask = atY(u, books.ba[n]), bid = atY(u, books.bb[n]), apart = Math.max(0, (15 * ratio - (bid - ask)) / 2);
  ctx.save();
  ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`; ctx.textBaseline = "middle";
  for (const [y, price, colour] of [[ask - apart, books.ba[n], colours.ask], [bid + apart, books.bb[n], colours.bid]]) {
    if (y < bbox.top - 8 || y > bbox.top + bbox.height + 8) continue;
    ctx.fillStyle = colour;
    ctx.fillRect(bbox.left + bbox.width + ratio, y - 7.5 * ratio, 66 * ratio, 15 * ratio);
    ctx.fillStyle = colours.panel;
    ctx.fillText(px(price), bbox.left + bbox.width + 5 * ratio, y + 0.5);
  }
  ctx.restore();
}

function clipped(u, ...draws) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath(); ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height); ctx.clip();
  for (const draw of draws) draw(u);
  ctx.restore();
}

export function makeRibbon() {
  return makePane({
    id: "pane-ribbon", share: 50, saysGaps: true, space: 34,
    range: () => [range.low, range.high],
    splits: (u, axis, low, high, step) => ticksOf(low, high, step),
    ticks: (value) => px(value),
    before: (first, end) => { settleFull(); settleRange(first, end); },
    under: (u) => clipped(u, drawRibbon),
    draw: (u) => { clipped(u, drawWalls, drawBest, drawPrints, drawHeld, drawFills); drawTags(u); },
    legend: (row) => row < 0 ? pieces(["price"]) : pieces(
      ["bid", px(store.books.bb[row]), "bid"], ["ask", px(store.books.ba[row]), "ask"],
      joined(), ["full colour", shortQty(full.level), "wide"],
      ["wall ✕ pulled ● eaten ▸ slid", undefined, "wide"]),
  });
}

// Splits on multiples of the tick.
function ticksOf(low, high, step) {
  const each = Math.max(digits.tick, Math.round(step / digits.tick) * digits.tick), found = [];
  for (let at = Math.ceil(low / each) * each; at <= high; at += each) found.push(at);
  return found;
}
