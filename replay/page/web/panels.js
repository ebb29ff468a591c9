// The panels at the side: book, position, flow, feed. Text only: whatever a run calls its reasons stays
// text.

import { drawLists, make, sign } from "./lists.js";
import { store } from "./store.js";
import { view } from "./view.js";
import { count, digits, duration, number, plain, px, qty, shortQty, signed } from "./words.js";

const get = (id) => document.getElementById(id);

// Pairs of a name and a value as a definition list; only what has changed is written.
function pairs(list, rows) {
  if (list.children.length !== rows.length * 2) {
    list.replaceChildren(...rows.flatMap(([name]) => [make("dt", "", name), make("dd")]));
  }
  rows.forEach(([name, value, kind], at) => {
    const [dt, dd] = [list.children[at * 2], list.children[at * 2 + 1]];
    if (dt.textContent !== name) dt.textContent = name;
    if (dd.textContent !== value) dd.textContent = value;
    if (dd.className !== (kind ?? "")) dd.className = kind ?? "";
  });
}

// ---- the book ----------------------------------------------------------------------------------

const RUNGS = 10; // a side, the nearest: more would push all else out of sight; the heat shows all
const rungs = [];

function makeRungs(L) {
  get("ladder-of").textContent = L < store.levels ? `the nearest ${L} of ${store.levels}` : "";
  rungs.length = 0;
  const rows = [];
  for (let k = L - 1; k >= 0; k--) rows.push(rung("ask", k));
  rows.push(make("tr", "middle", Object.assign(make("td"), { colSpan: 4, id: "middle" })));
  for (let k = 0; k < L; k++) rows.push(rung("bid", k));
  get("ladder").replaceChildren(make("tbody", "", ...rows));
}

function rung(side, k) {
  const bar = make("i", `bar ${side}`), age = make("span", "age");
  const place = make("td", "", `${side === "ask" ? "+" : "−"}${k + 1}`);
  const cells = [place, make("td", side), make("td"), make("td", "", bar, age)];
  const row = make("tr", "", ...cells);
  rungs.push({ side, k, row, cells, bar, age });
  return row;
}

function ladder() {
  const { books, levels: L, now } = store, shown = Math.min(L, RUNGS);
  if (rungs.length !== 2 * shown) makeRungs(shown);
  if (!books.n) return;
  const n = books.n - 1, row0 = n * L * 2;
  const most = Math.max(1, ...books.q.subarray(row0, row0 + shown), ...books.q.subarray(row0 + L, row0 + L + shown));
  const walls = new Map(now?.walls.map(([side, price, , born]) => [`${side}:${price}`, born]));
  for (const { side, k, row, cells, bar, age } of rungs) {
    const at = row0 + (side === "bid" ? k : L + k), held = books.q[at];
    const price = side === "bid" ? books.bb[n] - books.o[at] : books.ba[n] + books.o[at];
    cells[1].textContent = held ? px(price) : ""; cells[2].textContent = held ? qty(held) : "";
    bar.style.width = `${(held / most) * 86}%`;
    const born = held ? walls.get(`${side === "bid" ? 1 : -1}:${price}`) : undefined;
    row.classList.toggle("standing", born !== undefined);
    age.textContent = born === undefined ? "" : `wall ${duration(now.ms - born)}`;
  }
  const f = now?.features;
  if (!f) return;
  const [mid, spread] = [number(f.mid, digits.px + 1), number(f.spread, digits.px)];
  get("middle").textContent = `${mid}   spread ${spread}   micro ${number(f.microprice, digits.px)}`;
}

// ---- position ------------------------------------------------------------------------------------

function position() {
  const held = store.now?.position;
  if (!held) return;
  const side = get("position-side"), size = Math.abs(held.qty);
  side.textContent = held.qty ? (held.qty > 0 ? "long" : "short") : held.pending ? "order on its way" : "flat";
  side.className = held.qty > 0 ? "bid" : held.qty < 0 ? "ask" : "dim";
  const rows = held.qty ? [
    ["size", qty(size)], ["entry", number(held.entry_px, digits.px)],
    ["open P&L", signed(held.unrealised), sign(held.unrealised)], ["held", duration(store.now.ms - held.entry_ms)],
    ["TP", number(held.tp_px, digits.px), "bid"], ["SL", number(held.sl_px, digits.px), "ask"],
    ["why", plain(held.reason)], ["pending", held.pending ? "yes" : "no"],
  ] : [];
  rows.push(
    ["realised", signed(held.realised), sign(held.realised)], ["fees", Number(held.fees).toFixed(4)],
    ["trips", count(held.trips)],
    ["orders", count(held.orders) + (held.rejected ? `, ${held.rejected} rejected` : "")],
  );
  pairs(get("position"), rows);
  get("orders").replaceChildren(...store.now.orders.map((order) => make("li", "", said(order))));
}

// An open order in words.
function said(order) {
  const what = `${order.side > 0 ? "buy" : "sell"} ${qty(order.qty)} ${plain(order.kind)}`;
  const at = order.px ? ` ${px(order.px)}` : "";
  const waits = order.ahead === null ? "waits" : `${shortQty(order.ahead)} ahead`;
  return `${what}${at} · ${order.on_its_way ? "on its way" : waits} · ${plain(order.reason)}`;
}

// ---- flow and feed ---------------------------------------------------------------------------------

const basisPoints = (share) => (share === null ? "·" : `${number(share * 1e4, 2)} bp`);

function flow() {
  const f = store.now?.features;
  if (!f) return;
  pairs(get("flow"), [
    ["bought 10 s", number(f.buy_10s, 2), "bid"], ["sold 10 s", number(f.sell_10s, 2), "ask"],
    ["prints/s", `${number(f.tps_1s, 0)} · ${number(f.tps_10s, 1)}`],
    ["orders/s", `${number(f.ops_1s, 0)} · ${number(f.ops_10s, 1)}`],
    ["mean print", number(f.avg_size_10s, 3)], ["mean order", number(f.avg_order_10s, 3)],
    ["faster", `×${number(f.acceleration, 2)}`], ["orders", `×${number(f.order_acceleration, 2)}`],
    ["spike up", basisPoints(f.spike_up)], ["down", basisPoints(f.spike_down)],
  ]);
}

// How old what is shown is, s: by the server's word and since it said so; null in a recording.
export function age(silent) {
  if (!store.health) return null;
  return store.health.age_s + Math.max(0, silent - 1);
}

// The exchange's clock less ours, the shortest delay included; days in a market that is served again.
function offset(ms) {
  if (ms === null) return "·";
  return Math.abs(ms) < 100_000 ? `${number(ms, 0, true)} ms` : (ms < 0 ? "−" : "+") + duration(Math.abs(ms));
}

function feed(silent) {
  const { now } = store;
  if (!now) return;
  const c = now.counts, f = now.features, old = age(silent), bad = (n) => (n ? "wall" : "");
  const doubles = c.duplicate_books + c.duplicate_trades;
  pairs(get("feed"), [
    ["last event", old === null ? "a recording" : `${old.toFixed(1)} s ago`, old > 2.5 ? "ask" : ""],
    ["book", f.book_stale ? "stale" : "fresh", f.book_stale ? "ask" : "bid"],
    ["windows", f.warm_10s ? "warm" : "not warm", f.warm_10s ? "" : "wall"],
    ["clock", offset(now.offset_ms)],
    ["books", `${count(c.books)}`], ["prints", count(c.prints)],
    ["missed", count(c.missed_trades), bad(c.missed_trades)], ["doubles", count(doubles)],
    ["pu breaks", count(c.pu_breaks), bad(c.pu_breaks)], ["cuts", count(c.disconnects), bad(c.disconnects)],
    ["events", count(c.events)], ["viewers", store.health ? `${store.health.viewers}` : "·"],
  ]);
}

let shown = 0, listed = 0;

// Everything at the side: the book at once, figures five times a second, lists, which cost more, twice.
export function drawPanels(silent) {
  const now = performance.now(), moving = !store.player || store.player.playing;
  if (view.hold) return;
  ladder();
  if (now - shown < 200 && moving) return;
  shown = now;
  position(); flow(); feed(silent);
  if (now - listed < 500 && moving) return;
  listed = now;
  drawLists();
}
