// What has been received: columns that are cut at their old end, so that memory does not grow.
//
// Times are ms since the epoch, prices and quantities integers at the symbol's scale.

const BOOKS = 24_000; // 40 minutes at ten a second
const PRINTS = 60_000;
const ROWS = 2_000; // signals, wall ends, fills, trips, gaps
export const LEVELS_MOST = 20;

export const store = {
  hello: null, now: null, player: null, miniature: null, health: null, log: [],
  heard: 0, // our clock, when the last message came
  grouped: "price", // how the last burst of prints was joined
};

export function clear() {
  store.levels = 5;
  store.books = {
    n: 0, t: new Float64Array(BOOKS), bb: new Float64Array(BOOKS), ba: new Float64Array(BOOKS),
    obi: new Float32Array(BOOKS), cvd: new Float64Array(BOOKS), tps: new Float32Array(BOOKS), ops: new Float32Array(BOOKS),
    wallBid: new Uint32Array(BOOKS), wallAsk: new Uint32Array(BOOKS),
    q: new Float64Array(BOOKS * 10), o: new Int32Array(BOOKS * 10),
  };
  store.prints = {
    n: 0, t: new Float64Array(PRINTS), px: new Float64Array(PRINTS), first: new Float64Array(PRINTS),
    qty: new Float64Array(PRINTS), fills: new Uint16Array(PRINTS), by: new Uint8Array(PRINTS),
  };
  store.walls = new Map(); // standing: "side:px" -> {side, px, qty, from, to: null}
  store.ended = []; // {side, px, qty, from, to, end}
  store.signals = []; store.fills = []; store.trips = []; store.gaps = [];
  store.counted = { asked: 0, refused: 0, exits: 0 };
  store.version = (store.version ?? 0) + 1;
}
clear();

// The last row at or before a time, from a sorted column; -1 when there is none.
export function rowAt(column, n, t) {
  let low = 0, high = n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] <= t) low = middle + 1; else high = middle;
  }
  return low - 1;
}

export function take(says) {
  store.heard = performance.now();
  if (says.hello) {
    clear();
    store.hello = says.hello;
    for (const step of says.steps) takeStep(step);
  }
  if (says.step) takeStep(says.step);
  if (says.now) { store.now = says.now; if (says.hello || says.step) agreeOnWalls(says.now.walls); }
  for (const name of ["player", "miniature", "health"]) if (says[name]) store[name] = says[name];
  if (says.log) store.log = says.log;
}

function takeStep(step) {
  const base = store.hello.base_ms;
  for (const [from, to, why] of step.g ?? []) push(store.gaps, { from: base + from, to: base + to, why });
  const signals = step.s ?? [];
  let next = 0;
  const upTo = (ms) => { while (next < signals.length && signals[next][0] <= ms) takeSignal(signals[next++], base); };
  if (step.b) {
    for (let row = 0; row < step.b.ms.length; row++) { upTo(step.b.ms[row]); takeBook(step.b, row, base); }
  }
  upTo(Infinity);
  if (step.p) takePrints(step.p, base);
  for (const [ms, order, side, px, qty, maker, closes, reason] of step.f ?? []) {
    const last = store.fills.at(-1);
    if (last && last.order === order && last.t === base + ms) { last.qty += qty; last.px = px; }
    else push(store.fills, { t: base + ms, order, side, px, qty, maker, closes, reason });
  }
  for (const trip of step.x ?? []) push(store.trips, { ...trip, entry: base + trip.entry, exit: base + trip.exit });
}

function takeBook(b, row, base) {
  const books = store.books, levels = b.q[row].length / 2;
  if (levels !== store.levels) widen(levels);
  if (books.n === BOOKS) cut(books, BOOKS, store.levels * 2);
  const n = books.n++;
  books.t[n] = base + b.ms[row]; books.bb[n] = b.bb[row]; books.ba[n] = b.ba[row];
  books.obi[n] = b.obi[row];
  books.cvd[n] = b.cvd[row];
  books.tps[n] = b.tps[row];
  books.ops[n] = b.ops[row];
  books.q.set(b.q[row], n * levels * 2); books.o.set(b.o[row], n * levels * 2);
  books.wallBid[n] = 0; books.wallAsk[n] = 0;
  for (const wall of store.walls.values()) markWall(wall, n);
}

// Which level of a book a wall is on, as a bit.
function markWall(wall, n) {
  const books = store.books, L = store.levels, at = n * L * 2 + (wall.side > 0 ? 0 : L);
  const away = wall.side > 0 ? books.bb[n] - wall.px : wall.px - books.ba[n];
  for (let k = 0; k < L; k++) {
    if (books.o[at + k] === away && books.q[at + k] > 0) {
      (wall.side > 0 ? books.wallBid : books.wallAsk)[n] |= 1 << k;
      wall.level = k;
      return;
    }
  }
}

// Streams of other depths follow one another when --streams was changed.
function widen(levels) {
  const books = store.books, old = store.levels, q = books.q, o = books.o;
  books.q = new Float64Array(BOOKS * levels * 2); books.o = new Int32Array(BOOKS * levels * 2);
  for (let n = 0; n < books.n; n++) {
    for (let side = 0; side < 2; side++) {
      for (let k = 0; k < Math.min(old, levels); k++) {
        books.q[(n * 2 + side) * levels + k] = q[(n * 2 + side) * old + k];
        books.o[(n * 2 + side) * levels + k] = o[(n * 2 + side) * old + k];
      }
    }
  }
  store.levels = levels;
}

// Forget the oldest quarter.
function cut(table, capacity, wide) {
  const gone = capacity >> 2;
  for (const [name, column] of Object.entries(table)) {
    if (name === "n") continue;
    const width = column.length === capacity ? 1 : wide;
    column.copyWithin(0, gone * width, table.n * width);
  }
  table.n -= gone;
}

function push(list, row) {
  list.push(row);
  if (list.length > ROWS) list.splice(0, ROWS >> 2);
}

const BY = { price: 0, parent: 1, slice: 2 };

function takePrints(p, base) {
  const prints = store.prints;
  store.grouped = p.by;
  for (let row = 0; row < p.ms.length; row++) {
    if (prints.n === PRINTS) cut(prints, PRINTS, 1);
    const n = prints.n++;
    prints.t[n] = base + p.ms[row]; prints.px[n] = p.px[row]; prints.first[n] = p.first[row];
    prints.qty[n] = p.qty[row]; prints.fills[n] = p.fills[row]; prints.by[n] = BY[p.by];
  }
}

const ENDS = { wall_cancelled: "cancelled", wall_eaten: "eaten", wall_slid: "slid" };

function takeSignal([ms, kind, side, px, qty, age, reason, seq], base) {
  const t = base + ms, key = `${side}:${px}`;
  if (kind === "wall_born") {
    const wall = { side, px, qty, from: t - age, to: null };
    store.walls.set(key, wall);
    for (let n = store.books.n - 1; n >= 0 && store.books.t[n] >= wall.from; n--) markWall(wall, n);
  } else if (kind in ENDS) {
    const wall = store.walls.get(key) ?? { side, px, from: t - age };
    store.walls.delete(key);
    push(store.ended, { ...wall, qty, to: t, end: ENDS[kind] });
  }
  const counted = { entry_asked: "asked", entry_refused: "refused", exit_asked: "exits" }[kind];
  if (counted) store.counted[counted]++;
  const last = store.signals.at(-1);
  const again = last && last.kind === kind && last.reason === reason && last.side === side;
  if (again && kind === "entry_refused") {
    last.times++;
    last.t = t;
  } else push(store.signals, { t, kind, side, px, qty, age, reason, seq, times: 1 });
}

// The run's own word on which walls stand: one that slid out of view and came back is not told.
function agreeOnWalls(walls) {
  const standing = new Set();
  for (const [side, px, qty, born] of walls) {
    const key = `${side}:${px}`;
    standing.add(key);
    const wall = store.walls.get(key);
    if (wall) wall.qty = qty;
    else store.walls.set(key, { side, px, qty, from: born, to: null });
  }
  for (const key of store.walls.keys()) if (!standing.has(key)) store.walls.delete(key);
}
