// The panels at the side: book, position, flow, walls, signals, round trips, feed. Text only: whatever a
// run calls its reasons stays text.

import { store } from "./store.js";
import { showAround, view } from "./view.js";
import { clock, count, digits, duration, number, plain, px, qty, shortQty, signed } from "./words.js";

const get = (id) => document.getElementById(id);
let allSignals = false;

export function make(tag, kind, ...inside) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  made.append(...inside);
  return made;
}

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

const sign = (text) => (Number(text) > 0 ? "bid" : Number(text) < 0 ? "ask" : "");

// ---- the book ----------------------------------------------------------------------------------

const rungs = [];

function makeRungs(L) {
  rungs.length = 0;
  const rows = [];
  for (let k = L - 1; k >= 0; k--) rows.push(rung("ask", k));
  rows.push(make("tr", "middle", Object.assign(make("td"), { colSpan: 4, id: "middle" })));
  for (let k = 0; k < L; k++) rows.push(rung("bid", k));
  get("ladder").replaceChildren(make("tbody", "", ...rows));
}

function rung(side, k) {
  const bar = make("i", `bar ${side}`), age = make("span", "age");
  const cells = [make("td", "", `${side === "ask" ? "+" : "−"}${k + 1}`), make("td", side), make("td"), make("td", "", bar, age)];
  const row = make("tr", "", ...cells);
  rungs.push({ side, k, row, cells, bar, age });
  return row;
}

function ladder() {
  const { books, levels: L, now } = store;
  if (rungs.length !== 2 * L) makeRungs(L);
  if (!books.n) return;
  const n = books.n - 1, most = Math.max(1, ...books.q.subarray(n * L * 2, (n + 1) * L * 2));
  const walls = new Map(now?.walls.map(([side, price, , born]) => [`${side}:${price}`, born]));
  for (const { side, k, row, cells, bar, age } of rungs) {
    const at = n * L * 2 + (side === "bid" ? k : L + k), held = books.q[at];
    const price = side === "bid" ? books.bb[n] - books.o[at] : books.ba[n] + books.o[at];
    cells[1].textContent = held ? px(price) : ""; cells[2].textContent = held ? qty(held) : "";
    bar.style.width = `${(held / most) * 86}%`;
    const born = held ? walls.get(`${side === "bid" ? 1 : -1}:${price}`) : undefined;
    row.classList.toggle("standing", born !== undefined);
    age.textContent = born === undefined ? "" : `wall ${duration(now.ms - born)}`;
  }
  const f = now?.features;
  if (f) get("middle").textContent = `${number(f.mid, digits.px + 1)}   spread ${number(f.spread, digits.px)}   micro ${number(f.microprice, digits.px)}`;
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
    ["TP", held.tp_px === null ? "·" : number(held.tp_px, digits.px), "bid"], ["SL", held.sl_px === null ? "·" : number(held.sl_px, digits.px), "ask"],
    ["why", plain(held.reason)], ["pending", held.pending ? "yes" : "no"],
  ] : [];
  rows.push(["realised", signed(held.realised), sign(held.realised)], ["fees", Number(held.fees).toFixed(4)], ["trips", count(held.trips)], ["orders", `${count(held.orders)}${held.rejected ? `, ${held.rejected} rejected` : ""}`]);
  pairs(get("position"), rows);
  const orders = store.now.orders.map((order) => make("li", "", `${order.side > 0 ? "buy" : "sell"} ${qty(order.qty)} ${order.kind.replaceAll("_", " ")}${order.px ? ` ${px(order.px)}` : ""} · ${order.on_its_way ? "on its way" : order.ahead === null ? "waits" : `${shortQty(order.ahead)} ahead`} · ${plain(order.reason)}`));
  get("orders").replaceChildren(...orders);
}

// ---- flow and feed ---------------------------------------------------------------------------------

function flow() {
  const f = store.now?.features;
  if (!f) return;
  pairs(get("flow"), [
    ["bought 10 s", number(f.buy_10s, 2), "bid"], ["sold 10 s", number(f.sell_10s, 2), "ask"],
    ["prints/s", `${number(f.tps_1s, 0)} · ${number(f.tps_10s, 1)}`], ["orders/s", `${number(f.ops_1s, 0)} · ${number(f.ops_10s, 1)}`],
    ["mean print", number(f.avg_size_10s, 3)], ["mean order", number(f.avg_order_10s, 3)],
    ["faster", `×${number(f.acceleration, 2)}`], ["orders", `×${number(f.order_acceleration, 2)}`],
    ["spike up", `${number(f.spike_up === null ? null : f.spike_up * 1e4, 2)} bp`], ["down", `${number(f.spike_down === null ? null : f.spike_down * 1e4, 2)} bp`],
  ]);
}

// How old what is shown is, s: by the server's word and since it said so; null in a recording.
export function age(silent) {
  if (!store.health) return null;
  return store.health.age_s + Math.max(0, silent - 1);
}

// The exchange's clock less ours, the shortest delay included; days in a market that is served again.
const offset = (ms) => (Math.abs(ms) < 100_000 ? `${number(ms, 0, true)} ms` : `${ms < 0 ? "−" : "+"}${duration(Math.abs(ms))}`);

function feed(silent) {
  const { now } = store;
  if (!now) return;
  const c = now.counts, f = now.features, old = age(silent), bad = (n) => (n ? "wall" : "");
  const doubles = c.duplicate_books + c.duplicate_trades;
  pairs(get("feed"), [
    ["last event", old === null ? "a recording" : `${old.toFixed(1)} s ago`, old > 2.5 ? "ask" : ""], ["book", f.book_stale ? "stale" : "fresh", f.book_stale ? "ask" : "bid"],
    ["windows", f.warm_10s ? "warm" : "not warm", f.warm_10s ? "" : "wall"], ["clock", now.offset_ms === null ? "·" : offset(now.offset_ms)],
    ["books", `${count(c.books)}`], ["prints", count(c.prints)],
    ["missed", count(c.missed_trades), bad(c.missed_trades)], ["doubles", count(doubles)],
    ["pu breaks", count(c.pu_breaks), bad(c.pu_breaks)], ["cuts", count(c.disconnects), bad(c.disconnects)],
    ["events", count(c.events)], ["viewers", store.health ? `${store.health.viewers}` : "·"],
  ]);
}

// ---- lists --------------------------------------------------------------------------------------------

const ENDED = { cancelled: "pulled", eaten: "eaten", slid: "slid" };
const MARKS = { cancelled: "✕", eaten: "●", slid: "▸" };

function walls() {
  const ms = store.now?.ms ?? 0;
  const standing = [...store.walls.values()].sort((one, two) => two.qty - one.qty);
  const rows = standing.map((wall) => wallRow(wall, duration(ms - wall.from), "wall", "stands"));
  for (let k = store.ended.length - 1; k >= 0 && rows.length < 3; k--) {
    const wall = store.ended[k];
    rows.push(wallRow(wall, clock(wall.to), "dim", `${MARKS[wall.end]} ${ENDED[wall.end]} ${duration(wall.to - wall.from)}`));
  }
  get("walls").replaceChildren(...(rows.length ? rows.slice(0, 3) : [make("li", "none", "none yet: the baseline takes a minute")]));
  const c = store.now?.counts;
  get("walls-count").textContent = c ? `${standing.length} stand · ${count(c.walls_cancelled)} ✕ ${count(c.walls_eaten)} ● ${count(c.walls_slid)} ▸` : "";
}

const wallRow = (wall, when, kind, how) => make("li", "", make("span", "", when), make("span", wall.side > 0 ? "bid" : "ask", wall.side > 0 ? "bid" : "ask"), make("span", "", `${shortQty(wall.qty)} @ ${px(wall.px)}`), make("span", `end ${kind}`, how));

const WORDS = {
  entry_asked: ["»", "enter"], exit_asked: ["«", "leave"], entry_refused: ["×", "let be"], strategy_failed: ["!", "failed"],
  spike_up: ["▲", "spike up"], spike_down: ["▼", "spike down"],
  wall_born: ["▪", "wall"], wall_cancelled: ["✕", "wall pulled"], wall_eaten: ["●", "wall eaten"], wall_slid: ["▸", "wall slid"],
};
const RULES = new Set(["entry_asked", "exit_asked", "entry_refused", "strategy_failed"]);

function signals() {
  const rows = [];
  for (let k = store.signals.length - 1; k >= 0 && rows.length < 60; k--) {
    const signal = store.signals[k];
    if (!allSignals && !RULES.has(signal.kind)) continue;
    rows.push(signalRow(signal));
  }
  get("signals").replaceChildren(...(rows.length ? rows : [make("li", "none", "nothing considered yet")]));
  const { asked, refused } = store.counted;
  get("signals-count").textContent = `${count(asked)} taken · ${count(refused)} let be`;
}

function signalRow({ t, kind, side, px: price, qty: held, reason, times }) {
  const [mark, words] = WORDS[kind], colour = side > 0 ? "bid" : side < 0 ? "ask" : "dim";
  const taken = kind === "entry_asked" || kind === "exit_asked";
  const row = make("li", "", make("span", "", clock(t)), make("span", taken ? colour : kind.startsWith("wall") ? "wall" : "dim", mark));
  if (RULES.has(kind)) row.append(make("span", taken ? "" : "dim", taken ? `${words} ${side > 0 ? "buy" : "sell"}` : words), make("span", taken ? "" : "dim", plain(reason)));
  else row.append(make("span", "dim", words), make("span", kind.startsWith("wall") ? colour : "dim", kind.startsWith("wall") ? `${shortQty(held)} @ ${px(price)}` : ""));
  if (times > 1) row.append(make("span", "end dim", `×${times}`));
  return row;
}

function trips() {
  const rows = store.trips.slice(-40).reverse().map((trip) => {
    const row = make("li", "", make("span", "", clock(trip.exit)), make("span", trip.side > 0 ? "bid" : "ask", trip.side > 0 ? "long" : "short"), make("span", sign(trip.net), signed(trip.net)), make("span", "end dim", `${plain(trip.why[1])} ${duration(trip.exit - trip.entry)}`));
    row.title = `trade ${trip.id}: ${plain(trip.why[0])} ${trip.entry_px} → ${trip.exit_px} ${plain(trip.why[1])}, fees ${trip.fees}`;
    row.addEventListener("click", () => showAround((trip.entry + trip.exit) / 2));
    if (store.hello.report) row.append(Object.assign(make("a", "", "▤"), { href: `/report#trade-${trip.id}`, title: "this trade in the report" }));
    return row;
  });
  get("trips").replaceChildren(...(rows.length ? rows : [make("li", "none", "none yet")]));
  get("trips-count").textContent = store.now ? count(store.now.position.trips) : "";
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
  walls(); signals(); trips();
}

export function startPanels() {
  const button = get("signals-all");
  button.addEventListener("click", () => {
    allSignals = !allSignals;
    button.setAttribute("aria-pressed", allSignals);
    signals();
  });
}
