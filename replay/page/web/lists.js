// The lists at the side: walls, signals, round trips; the newest first.

import { store } from "./store.js";
import { showAround } from "./view.js";
import { clock, count, duration, plain, px, shortQty, signed } from "./words.js";

const WALLS = 3, SIGNALS = 60, TRIPS = 40; // rows
const get = (id) => document.getElementById(id);
let all = false; // walls and spikes among the signals, too

export function make(tag, kind, ...inside) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  made.append(...inside);
  return made;
}

// The class of an amount: what is won in the bid's hue, what is lost in the ask's.
export const sign = (text) => (Number(text) > 0 ? "bid" : Number(text) < 0 ? "ask" : "");

function list(id, rows, none) {
  get(id).replaceChildren(...(rows.length ? rows : [make("li", "none", none)]));
}

const ENDED = { cancelled: "✕ pulled", eaten: "● eaten", slid: "▸ slid" };

function walls() {
  const { ended, now } = store;
  const standing = [...store.walls.values()].sort((one, two) => two.qty - one.qty);
  const rows = standing.map((wall) => wallRow(wall, duration((now?.ms ?? 0) - wall.from), "wall", "stands"));
  for (let k = ended.length - 1; k >= 0 && rows.length < WALLS; k--) {
    const wall = ended[k], lasted = duration(wall.to - wall.from);
    rows.push(wallRow(wall, clock(wall.to), "dim", `${ENDED[wall.end]} ${lasted}`));
  }
  list("walls", rows.slice(0, WALLS), "none yet: the baseline takes a minute");
  const c = now?.counts;
  if (!c) return;
  const ends = `${count(c.walls_cancelled)} ✕ ${count(c.walls_eaten)} ● ${count(c.walls_slid)} ▸`;
  get("walls-count").textContent = `${standing.length} stand · ${ends}`;
}

function wallRow(wall, when, kind, how) {
  const side = wall.side > 0 ? "bid" : "ask";
  return make("li", "",
    make("span", "", when), make("span", side, side),
    make("span", "", `${shortQty(wall.qty)} @ ${px(wall.px)}`), make("span", `end ${kind}`, how));
}

const WORDS = {
  entry_asked: ["»", "enter"], exit_asked: ["«", "leave"],
  entry_refused: ["×", "let be"], strategy_failed: ["!", "failed"],
  spike_up: ["▲", "spike up"], spike_down: ["▼", "spike down"],
  wall_born: ["▪", "wall"], wall_slid: ["▸", "wall slid"],
  wall_cancelled: ["✕", "wall pulled"], wall_eaten: ["●", "wall eaten"],
};
const OF_THE_RULE = new Set(["entry_asked", "exit_asked", "entry_refused", "strategy_failed"]);

function signals() {
  const rows = [];
  for (let k = store.signals.length - 1; k >= 0 && rows.length < SIGNALS; k--) {
    const signal = store.signals[k];
    if (all || OF_THE_RULE.has(signal.kind)) rows.push(signalRow(signal));
  }
  list("signals", rows, "nothing considered yet");
  const { asked, refused } = store.counted;
  get("signals-count").textContent = `${count(asked)} taken · ${count(refused)} let be`;
}

function signalRow({ t, kind, side, px: price, qty: held, reason, times }) {
  const [mark, words] = WORDS[kind], colour = side > 0 ? "bid" : side < 0 ? "ask" : "dim";
  const row = make("li", "", make("span", "", clock(t)));
  if (kind === "entry_asked" || kind === "exit_asked") {
    row.append(make("span", colour, mark), `${words} ${side > 0 ? "buy" : "sell"}`, make("span", "", plain(reason)));
  } else if (kind.startsWith("wall")) {
    const what = `${shortQty(held)} @ ${px(price)}`;
    row.append(make("span", "wall", mark), make("span", "dim", words), make("span", colour, what));
  } else {
    const why = OF_THE_RULE.has(kind) ? plain(reason) : "";
    row.append(make("span", "dim", mark), make("span", "dim", words), make("span", "dim", why));
  }
  if (times > 1) row.append(make("span", "end dim", `×${times}`));
  return row;
}

function trips() {
  list("trips", store.trips.slice(-TRIPS).reverse().map(tripRow), "none yet");
  get("trips-count").textContent = store.now ? count(store.now.position.trips) : "";
}

function tripRow(trip) {
  const [entered, left] = trip.why.map(plain), long = trip.side > 0;
  const row = make("li", "",
    make("span", "", clock(trip.exit)), make("span", long ? "bid" : "ask", long ? "long" : "short"),
    make("span", sign(trip.net), signed(trip.net)),
    make("span", "end dim", `${left} ${duration(trip.exit - trip.entry)}`));
  row.title = `trade ${trip.id}: ${entered} ${trip.entry_px} → ${trip.exit_px} ${left}, fees ${trip.fees}`;
  row.addEventListener("click", () => showAround((trip.entry + trip.exit) / 2));
  if (store.hello.report) {
    const link = make("a", "", "▤");
    link.href = `/report#trade-${trip.id}`;
    link.title = "this trade in the report";
    row.append(link);
  }
  return row;
}

export function drawLists() { walls(); signals(); trips(); }

export function startLists() {
  const button = get("signals-all");
  button.addEventListener("click", () => {
    all = !all;
    button.setAttribute("aria-pressed", all);
    signals();
  });
}
