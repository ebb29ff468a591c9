// Numbers and times as people read them. Prices and quantities come as integers at the symbol's scale.

export const digits = { px: 2, qty: 3, tick: 10 };

export const px = (units) => (units / 10 ** digits.px).toFixed(digits.px);
export const qty = (units) => (units / 10 ** digits.qty).toFixed(digits.qty);

// Large quantities need no third decimal in a narrow column.
export function shortQty(units) {
  const value = units / 10 ** digits.qty;
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(digits.qty > 2 ? 3 : digits.qty);
}

export const number = (value, places, sign = false) =>
  value === null || value === undefined ? "·" : (sign && value > 0 ? "+" : "") + value.toFixed(places);

const two = (n) => String(n).padStart(2, "0");

export function clock(ms, places = 0) {
  const at = new Date(ms);
  const text = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  const rest = String(Math.floor(ms % 1000)).padStart(3, "0");
  return places ? `${text}.${rest.slice(0, places)}` : text;
}

export const day = (ms) => new Date(ms).toISOString().slice(0, 10);

export function duration(ms) {
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)}s`;
  if (s < 60) return `${Math.floor(s)}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(Math.floor(s % 60))}s`;
  return `${Math.floor(s / 3600)}h${two(Math.floor((s % 3600) / 60))}m`;
}

export const plain = (reason) => reason.replaceAll("_", " ");
export const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u2009"); // a thin space

// Money comes as decimal text, more digits than people read.
export const signed = (text, places = 4) => (Number(text) > 0 ? "+" : "") + Number(text).toFixed(places);
