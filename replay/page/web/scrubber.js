// The whole recording in a strip: price, volume, gaps, trades, and where the replay stands.

import { colours } from "./colours.js";
import { seek } from "./controls.js";
import { store } from "./store.js";
import { setFollow, view } from "./view.js";
import { clock, duration } from "./words.js";

const canvas = document.getElementById("scrubber");
let hover = null, held = false, asked = null, kept = null;

const timeAt = (event) => {
  const { from, to } = store.miniature, box = canvas.getBoundingClientRect();
  return from + Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * (to - from);
};

async function goTo(ms) {
  // One seek at a time; the last place of the hand is what counts.
  if (asked !== null) { asked = ms; return; }
  asked = ms;
  while (asked !== null) {
    const now = asked;
    await seek(now);
    if (asked === now) asked = null;
  }
}

export function startScrubber() {
  canvas.addEventListener("pointerdown", (event) => {
    if (!store.miniature) return;
    held = true;
    canvas.setPointerCapture(event.pointerId);
    setFollow(true);
    goTo(timeAt(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!store.miniature) return;
    hover = timeAt(event);
    if (held) goTo(hover);
    drawScrubber();
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { held = false; });
  canvas.addEventListener("pointerleave", () => { hover = null; drawScrubber(); });
}

// The part that does not move, drawn once a size, theme and recording.
function background(width, height, ratio) {
  const mini = store.miniature, key = `${width} ${height} ${colours.bg} ${mini.from} ${mini.columns.length}`;
  if (kept?.key === key) return kept.canvas;
  const made = document.createElement("canvas");
  made.width = width; made.height = height;
  const ctx = made.getContext("2d"), { from, to, width_ms: wide } = mini;
  const x = (ms) => ((ms - from) / (to - from)) * width;
  const priced = mini.columns.filter(([, low]) => low !== null);
  const low = Math.min(...priced.map((c) => c[1])), high = Math.max(...priced.map((c) => c[2]));
  const most = Math.max(1, ...mini.columns.map((c) => c[4])), foot = height - 3 * ratio, top = 8 * ratio;
  const y = (price) => foot - ((price - low) / Math.max(1, high - low)) * (foot - top);
  ctx.fillStyle = colours.dim; ctx.globalAlpha = 0.3;
  for (const [at, , , , volume] of mini.columns) {
    const tall = Math.sqrt(volume / most) * height * 0.45;
    ctx.fillRect(x(from + at * wide), height - tall, Math.max(1, x(from + wide) - 0.5), tall);
  }
  ctx.globalAlpha = 1;
  ctx.strokeStyle = colours.series;
  ctx.lineWidth = 1.2 * ratio;
  ctx.beginPath();
  let before = -2;
  for (const [at, bottom, top_, end] of priced) {
    const middle = x(from + (at + 0.5) * wide);
    if (at - before > 1) ctx.moveTo(middle, y(end));
    ctx.lineTo(middle, y(bottom)); ctx.lineTo(middle, y(top_)); ctx.lineTo(middle, y(end));
    before = at;
  }
  ctx.stroke();
  ctx.fillStyle = colours.wall; ctx.globalAlpha = 0.35;
  for (const [a, b] of mini.gaps) ctx.fillRect(x(a), 0, Math.max(2, x(b) - x(a)), height);
  ctx.globalAlpha = 1;
  for (const trip of mini.trips) {
    const at = x(trip.exit), r = 3 * ratio, won = Number(trip.net) > 0;
    ctx.fillStyle = won ? colours.bid : colours.ask;
    ctx.beginPath();
    ctx.moveTo(at - r, 0);
    ctx.lineTo(at + r, 0);
    ctx.lineTo(at, 1.8 * r);
    ctx.fill();
  }
  kept = { key, canvas: made };
  return made;
}

export function drawScrubber() {
  const mini = store.miniature, ratio = devicePixelRatio;
  if (!mini || !mini.columns.length || !canvas.clientWidth) return;
  const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const ctx = canvas.getContext("2d"), x = (ms) => ((ms - mini.from) / (mini.to - mini.from)) * width;
  ctx.clearRect(0, 0, width, height);
  ctx.fillStyle = colours.text; ctx.globalAlpha = 0.07;
  ctx.fillRect(x(view.from), 0, x(Math.min(view.to, mini.to)) - x(view.from), height);
  ctx.globalAlpha = 1;
  ctx.drawImage(background(width, height, ratio), 0, 0);
  const at = Math.round(x(store.player.ms));
  ctx.fillStyle = colours.held; ctx.fillRect(at - ratio, 0, 2 * ratio, height);
  if (hover !== null) {
    const words = clock(hover), left = Math.min(x(hover) + 5 * ratio, width - 60 * ratio);
    ctx.globalAlpha = 0.5; ctx.fillRect(x(hover), 0, ratio, height); ctx.globalAlpha = 1;
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.fillStyle = colours.panel;
    ctx.fillRect(left - 2 * ratio, 3 * ratio, ctx.measureText(words).width + 4 * ratio, 14 * ratio);
    ctx.fillStyle = colours.text; ctx.fillText(words, left, 14 * ratio);
  }
  canvas.setAttribute("aria-valuetext", `${clock(store.player.ms)} of ${duration(mini.to - mini.from)}`);
}
