// Which quantity is drawn as a full cell: one in twenty in view holds more, so that one giant does not
// darken all others. It moves slowly, for the picture to stay calm.

import { STEPS } from "./colours.js";
import { rowsInView } from "./pane.js";
import { store } from "./store.js";

export const full = { level: 0 };
let at = 0, version = -1;

export function settleFull() {
  const now = performance.now();
  if (now - at < 1_000 && full.level && version === store.version) return;
  const [first, end] = rowsInView();
  if (end - first < 2) return;
  const held = [], wide = store.levels * 2, step = Math.max(1, Math.floor((end - first) / 200));
  for (let n = first; n < end; n += step) {
    for (let k = 0; k < wide; k++) { const q = store.books.q[n * wide + k]; if (q > 0) held.push(q); }
  }
  if (!held.length) return;
  held.sort((a, b) => a - b);
  const found = held[Math.floor(held.length * 0.95)];
  full.level = full.level && version === store.version ? full.level * 0.7 + found * 0.3 : found;
  at = now; version = store.version;
}

export const shadeOf = (q) => Math.max(1, Math.round(Math.sqrt(Math.min(1, q / full.level)) * STEPS));
