// A pane: a uPlot chart on the shared time axis, with its crosshair, drawing hooks and a legend.

import { colours } from "./colours.js";
import { rowAt, store } from "./store.js";
import { pan, redraw, setFollow, view, zoom } from "./view.js";
import { clock, duration } from "./words.js";

const RIGHT = 68; // the axis of every pane is as wide: time stands above time
const AXIS = 22;
const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500,
  1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5,
];
const FONT = "11px system-ui, sans-serif";
const panes = [];

// `what`: {id, share, range(), before(first, end), under(u), draw(u), legend(row), ticks, splits, axis}
export function makePane(what) {
  const box = document.getElementById(what.id);
  const legend = document.createElement("div");
  legend.className = "legend";
  const words = document.createElement("span");
  legend.append(words);
  const options = {
    width: 300, height: 100, ms: 1, padding: [0, 0, 0, 0], legend: { show: false },
    cursor: {
      sync: { key: "time", scales: ["x", null] }, drag: { x: false, y: false },
      points: { show: false }, y: what.crosshair ?? true,
    },
    scales: { x: { time: false, range: () => [view.from, view.to] }, y: { range: () => what.range() } },
    series: [{}, NOTHING],
    axes: [timeAxis(what.axis), valueAxis(what)],
    hooks: {
      draw: [(u) => { what.under?.(u); gapBands(u, what.saysGaps); what.draw?.(u); cursorTime(u, what); }],
      setCursor: [(u) => moved(u)],
    },
  };
  const pane = { what, box, words, chart: new uPlot(options, [[], []], box) };
  box.append(legend);
  hold(pane);
  panes.push(pane);
  return pane;
}

// All is drawn by hooks: uPlot keeps the scales, axes and crosshair, which want a series to be there.
const NOTHING = { show: true, paths: () => null, points: { show: false } };
const zeros = new Float64Array(24_000);

function timeAxis(shown) {
  return {
    show: true, size: shown ? AXIS : 0, font: FONT, gap: 4, ticks: { show: false }, space: 80,
    stroke: () => colours.dim, grid: { stroke: () => colours.grid, width: 1 },
    incrs: STEPS_MS,
    values: (u, splits) => {
      if (!shown) return splits.map(() => "");
      const step = splits.length > 1 ? splits[1] - splits[0] : 1000;
      return splits.map((t) => clock(t, step < 1000 ? (step < 100 ? 3 : 1) : 0));
    },
  };
}

function valueAxis({ ticks, splits, space }) {
  return {
    side: 1, size: RIGHT, font: FONT, gap: 5, ticks: { show: false }, space: space ?? 26, splits,
    stroke: () => colours.dim, grid: { stroke: () => colours.grid, width: 1 },
    values: (u, values) => values.map((value) => (fits(u, value) ? ticks(value) : "")),
  };
}

// A label at the edge would be cut.
function fits(u, value) {
  const y = u.valToPos(value, "y"), high = u.bbox.height / devicePixelRatio;
  return y > 4 && y < high - 4;
}

// Where nothing was received.
function gapBands(u, says) {
  const { ctx, bbox } = u;
  const open = store.now?.gap_since;
  const gaps = open ? [...store.gaps, { from: open, to: view.to, why: "no connection" }] : store.gaps;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const { from, to, why } of gaps) {
    if (to < view.from || from > view.to) continue;
    const a = u.valToPos(from, "x", true), b = Math.max(a + 2, u.valToPos(to, "x", true));
    ctx.fillStyle = colours.gap;
    ctx.fillRect(a, bbox.top, b - a, bbox.height);
    ctx.strokeStyle = colours.wall;
    ctx.globalAlpha = 0.35;
    ctx.lineWidth = 1;
    ctx.save();
    ctx.beginPath(); ctx.rect(a, bbox.top, b - a, bbox.height); ctx.clip();
    ctx.beginPath();
    for (let x = a - bbox.height; x < b; x += 14 * devicePixelRatio) {
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
    }
    ctx.stroke();
    ctx.restore();
    ctx.globalAlpha = 1;
    if (says && b - a > 90 * devicePixelRatio) {
      ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
      ctx.fillStyle = colours.wall;
      ctx.textAlign = "center";
      const middle = (Math.max(a, bbox.left) + Math.min(b, bbox.left + bbox.width)) / 2;
      ctx.fillText(`${why} for ${duration(to - from)}`, middle, bbox.top + bbox.height / 2);
      ctx.textAlign = "left";
    }
  }
  ctx.restore();
}

// The time under the crosshair, on the axis of the lowest pane.
function cursorTime(u, what) {
  if (!what.axis || view.cursor === null) return;
  const { ctx, bbox } = u, ratio = devicePixelRatio;
  const x = u.valToPos(view.cursor, "x", true), text = clock(view.cursor, 3);
  ctx.save();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  const wide = ctx.measureText(text).width + 10 * ratio;
  const left = Math.min(Math.max(bbox.left, x - wide / 2), bbox.left + bbox.width - wide);
  ctx.fillStyle = colours.text;
  ctx.fillRect(left, bbox.top + bbox.height + 2 * ratio, wide, 17 * ratio);
  ctx.fillStyle = colours.panel;
  ctx.textBaseline = "middle";
  ctx.fillText(text, left + 5 * ratio, bbox.top + bbox.height + 11 * ratio);
  ctx.restore();
}

function moved(u) {
  const { left } = u.cursor;
  const t = left >= 0 && left !== null ? u.posToVal(left, "x") : null;
  if (t === view.cursor || (t !== null && Number.isNaN(t))) return;
  view.cursor = t;
  redraw();
}

// Wheel zooms at the hand, dragging moves, a double click goes back to the last moment.
function hold(pane) {
  const over = pane.chart.over;
  let from = null;
  over.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan((event.deltaX / over.clientWidth) * view.span);
    else zoom(Math.exp(event.deltaY * 0.0015), pane.chart.posToVal(event.offsetX, "x"));
  }, { passive: false });
  over.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = event.clientX;
    over.setPointerCapture(event.pointerId);
  });
  over.addEventListener("pointermove", (event) => {
    if (from === null) return;
    pane.box.classList.add("grabbing");
    pan(((from - event.clientX) / over.clientWidth) * view.span);
    from = event.clientX;
  });
  const end = () => { from = null; pane.box.classList.remove("grabbing"); };
  over.addEventListener("pointerup", end);
  over.addEventListener("pointercancel", end);
  over.addEventListener("dblclick", () => setFollow(true));
}

// Sizes of all panes, by their shares of the room there is.
export function sizePanes() {
  const room = document.getElementById("charts");
  const whole = panes.reduce((sum, pane) => sum + pane.what.share, 0);
  const height = room.clientHeight - AXIS - panes.length;
  for (const pane of panes) {
    const high = Math.max(30, Math.floor((height * pane.what.share) / whole)) + (pane.what.axis ? AXIS : 0);
    pane.box.style.height = `${high}px`;
    pane.chart.setSize({ width: Math.max(120, room.clientWidth), height: high });
  }
  redraw();
}

// The rows of the books in view, one before the first included.
export function rowsInView() {
  const { t, n } = store.books;
  return [Math.max(0, rowAt(t, n, view.from)), rowAt(t, n, view.to) + 1];
}

export function drawPanes() {
  const [first, end] = rowsInView();
  const row = view.cursor === null ? store.books.n - 1 : rowAt(store.books.t, store.books.n, view.cursor);
  const t = store.books.t.subarray(first, end);
  for (const { what, words, chart } of panes) {
    what.before?.(first, end);
    chart.setData([t, zeros.subarray(0, t.length)], false);
    chart.redraw(false, true);
    chart.setScale("x", { min: view.from, max: view.to });
    words.replaceChildren(...what.legend(row));
  }
}

// [word, value, class] pieces of a legend.
export function pieces(...parts) {
  return parts.map(([word, value, kind]) => {
    const piece = document.createElement("span");
    piece.append(`${word} `);
    if (value !== undefined) {
      const strong = document.createElement("b");
      strong.className = `num ${kind ?? ""}`;
      strong.textContent = value;
      piece.append(strong);
    }
    if (kind === "wide") piece.className = "wide";
    return piece;
  });
}

// An offscreen picture of the plotting area, a pixel a CSS pixel, laid over it without smoothing.
export function picture() {
  const canvas = document.createElement("canvas");
  let image = null, words = null;
  return {
    begin(width, height) {
      if (!image || image.width !== width || image.height !== height) {
        canvas.width = width; canvas.height = height;
        image = new ImageData(width, height);
        words = new Uint32Array(image.data.buffer);
      } else words.fill(0);
      return words;
    },
    lay(u) {
      canvas.getContext("2d").putImageData(image, 0, 0);
      const { ctx, bbox } = u;
      ctx.save();
      ctx.imageSmoothingEnabled = false;
      ctx.drawImage(canvas, bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.restore();
    },
  };
}

// Fill a box of a picture. Boxes are a few pixels wide: a plain loop is quicker than fill() on each row.
export function box(pixels, width, colour, a, b, top, bottom) {
  for (let y = top; y < bottom; y++) {
    for (let at = y * width + a, end = y * width + b; at < end; at++) pixels[at] = colour;
  }
}

// For each book in view: its row, and the columns of pixels [a, b) in which it was the last one.
// A book says nothing about a gap.
export function eachBook(width, call) {
  const { t } = store.books, [first, end] = rowsInView();
  const scale = width / view.span, known = store.now?.ms ?? 0;
  const open = store.now?.gap_since;
  let gap = 0;
  for (let n = first; n < end; n++) {
    let until = n + 1 < store.books.n ? t[n + 1] : Math.max(known, t[n]);
    while (gap < store.gaps.length && store.gaps[gap].to <= t[n]) gap++;
    if (gap < store.gaps.length) until = Math.min(until, Math.max(t[n], store.gaps[gap].from));
    else if (open) until = Math.min(until, Math.max(t[n], open));
    const a = Math.max(0, Math.floor((t[n] - view.from) * scale));
    const b = Math.min(width, Math.max(a + 1, Math.floor((until - view.from) * scale)));
    if (b > a) call(n, a, b);
  }
}
