// The colours of the page's theme, as the canvases need them.

const NAMES = ["bg", "panel", "line", "grid", "text", "dim", "bid", "ask", "wall", "series", "held", "gap"];
export const STEPS = 48; // shades of a quantity: more are not told apart

export const colours = {};
// Shades as little-endian RGBA words for ImageData: [step] of bids, asks, walls.
export const shades = { bid: new Uint32Array(STEPS + 1), ask: new Uint32Array(STEPS + 1), wall: 0 };

export function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of NAMES) colours[name] = style.getPropertyValue(`--${name}`).trim();
  const dark = document.documentElement.dataset.theme === "dark";
  for (const side of ["bid", "ask"]) {
    const [r, g, b] = rgb(colours[side]);
    for (let step = 0; step <= STEPS; step++) {
      const alpha = step ? (dark ? 14 : 10) + (step / STEPS) * (dark ? 215 : 225) : 0;
      shades[side][step] = word(r, g, b, alpha);
    }
  }
  shades.wall = word(...rgb(colours.wall), 255);
  shades.gap = word(...rgb(colours.wall), 26);
}

export const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
export const word = (r, g, b, a) => ((Math.round(a) << 24) | (b << 16) | (g << 8) | r) >>> 0;

const KEY = "micropulse-theme";

export function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  readColours();
}

export function startTheme(changed) {
  const asked = matchMedia("(prefers-color-scheme: dark)");
  const kept = () => {
    try { return localStorage.getItem(KEY); } catch { return null; }
  };
  setTheme(kept() ?? (asked.matches ? "dark" : "light"));
  asked.addEventListener("change", () => {
    if (!kept()) { setTheme(asked.matches ? "dark" : "light"); changed(); }
  });
  document.getElementById("theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    setTheme(theme);
    try { localStorage.setItem(KEY, theme); } catch { /* private windows have none */ }
    changed();
  });
}
