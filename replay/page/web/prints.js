// Prints as dots: the area by the quantity, the hue the aggressor's; an order that went through several
// prices has a line from the first to the last.

import { colours } from "./colours.js";
import { full } from "./quantity.js";
import { rowAt, store } from "./store.js";
import { view } from "./view.js";
import { count } from "./words.js";

const MOST = 15, LEAST = 1.1, SQUARE = 2.2; // radius, CSS pixels; smaller ones are squares
const STEP = 0.5; // radii are told apart by so much, device pixels
const ALPHA = 0.8;

// The rows of the prints in view, one before the first included.
export function printsInView() {
  const { t, n } = store.prints;
  return [Math.max(0, rowAt(t, n, view.from)), rowAt(t, n, view.to) + 1];
}

// A disc is drawn once for each size and laid wherever it is wanted: 3,000 arcs, which is what a burst
// leaves in view, cost ten times as much without a GPU.
const discs = new Map();

function disc(radius, side) {
  const fill = side > 0 ? colours.bid : colours.ask, step = Math.round(radius / STEP);
  const key = `${step} ${fill} ${colours.panel}`; // both change with the theme
  if (!discs.has(key)) discs.set(key, drawnDisc(step * STEP, fill));
  return discs.get(key);
}

function drawnDisc(radius, fill) {
  const half = Math.ceil(radius + devicePixelRatio), canvas = document.createElement("canvas");
  canvas.width = canvas.height = 2 * half;
  const ctx = canvas.getContext("2d");
  ctx.globalAlpha = ALPHA;
  ctx.fillStyle = fill; ctx.strokeStyle = colours.panel; ctx.lineWidth = devicePixelRatio;
  ctx.beginPath(); ctx.arc(half, half, radius, 0, Math.PI * 2); ctx.fill(); ctx.stroke();
  return canvas;
}

export function drawPrints(u) {
  const { ctx } = u, ratio = devicePixelRatio, { prints } = store, [from, end] = printsInView();
  const atX = (t) => u.valToPos(t, "x", true), atY = (price) => u.valToPos(price, "y", true);
  const large = [];
  ctx.globalAlpha = ALPHA;
  for (const side of [1, -1]) {
    ctx.fillStyle = side > 0 ? colours.bid : colours.ask;
    for (let n = from; n < end; n++) {
      const qty = prints.qty[n];
      if (qty * side <= 0) continue;
      const radius = Math.min(MOST, LEAST + 7 * Math.sqrt(Math.abs(qty) / full.level)) * ratio;
      const x = atX(prints.t[n]), y = atY(prints.px[n]);
      if (prints.first[n] !== prints.px[n]) {
        const began = atY(prints.first[n]);
        ctx.fillRect(x - 0.5, Math.min(began, y), ratio, Math.abs(y - began));
      }
      if (radius < SQUARE * ratio) ctx.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
      else large.push([radius, x, y, side]);
    }
  }
  large.sort((one, two) => two[0] - one[0]); // the small ones on top
  ctx.globalAlpha = 1;
  for (const [radius, x, y, side] of large) {
    const canvas = disc(radius, side), half = canvas.width / 2;
    ctx.drawImage(canvas, Math.round(x - half), Math.round(y - half));
  }
}

const HOW = ["prints by order and price", "prints by order (a burst)", "prints by time (played fast)"];

// How the prints in view are joined, and of how many fills they are.
export function joined() {
  const { prints } = store, [from, end] = printsInView();
  let by = 0, fills = 0;
  for (let n = from; n < end; n++) {
    by = Math.max(by, prints.by[n]);
    if (prints.t[n] >= view.from) fills += prints.fills[n];
  }
  return [HOW[by], count(fills)];
}
