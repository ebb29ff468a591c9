// What each level held, level by level: walls stand out where price has no room to show them.

import { shades } from "./colours.js";
import { box, eachBook, makePane, picture, pieces } from "./pane.js";
import { shadeOf } from "./quantity.js";
import { endMark } from "./ribbon.js";
import { store } from "./store.js";
import { view } from "./view.js";
import { shortQty } from "./words.js";

const heat = picture();

// Rows from the top: asks L…1, the middle, bids 1…L.
function drawHeat(u) {
  const width = Math.round(u.bbox.width / devicePixelRatio), { books, levels: L } = store;
  if (width < 2 || !books.n) return;
  const rows = 2 * L + 1, pixels = heat.begin(width, rows);
  eachBook(width, (n, a, b) => {
    for (let k = 0; k < L; k++) {
      const bid = books.q[n * L * 2 + k], ask = books.q[n * L * 2 + L + k];
      if (ask > 0) {
        const colour = books.wallAsk[n] & (1 << k) ? shades.wall : shades.ask[shadeOf(ask)];
        box(pixels, width, colour, a, b, L - 1 - k, L - k);
      }
      if (bid > 0) {
        const colour = books.wallBid[n] & (1 << k) ? shades.wall : shades.bid[shadeOf(bid)];
        box(pixels, width, colour, a, b, L + 1 + k, L + 2 + k);
      }
    }
  });
  heat.lay(u);
}

function drawEnds(u) {
  const { ctx, bbox } = u, ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath(); ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height); ctx.clip();
  for (const wall of store.ended) {
    if (wall.to < view.from || wall.to > view.to || wall.level === undefined) continue;
    const y = u.valToPos(wall.side > 0 ? -(wall.level + 1) : wall.level + 1, "y", true);
    const r = Math.min(4 * ratio, (bbox.height / (2 * store.levels + 1)) * 0.42);
    endMark(ctx, wall.end, u.valToPos(wall.to, "x", true) + r, y, r);
  }
  ctx.restore();
}

export function makeHeat() {
  return makePane({
    id: "pane-heat", share: 20, space: 12, crosshair: false,
    range: () => [-store.levels - 0.5, store.levels + 0.5],
    splits: () => store.levels <= 5 ? [-5, -3, -1, 1, 3, 5] : [-store.levels, -10, -5, 5, 10, store.levels],
    ticks: (level) => (level > 0 ? `+${level}` : `−${-level}`),
    under: drawHeat, draw: drawEnds,
    legend: (row) => pieces(["levels from the best"], ...(row < 0 ? [] : [["largest", largest(row)]])),
  });
}

function largest(row) {
  const { q } = store.books, L = store.levels;
  let at = 0;
  for (let k = 1; k < 2 * L; k++) if (q[row * L * 2 + k] > q[row * L * 2 + at]) at = k;
  return `${shortQty(q[row * L * 2 + at])} at ${at < L ? "−" : "+"}${(at % L) + 1}`;
}
