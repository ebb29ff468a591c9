/* The seconds around a trade, from the blob that drill_down.py packed. */

const Drill = (() => {
  const AROUND_MS = 5000, LONG_GAP_MS = 1500, MOST_ROWS = 400;
  // Where `micropulse replay RUN --page` shows the same: it serves this very file, or is at its usual port.
  const PAGE = location.protocol === "file:" ? "http://127.0.0.1:8780" : "";
  const SHOWN = ["spread", "obi", "cvd_10s", "tps_1s", "acceleration", "spike_up", "spike_down", "removed_wall_side"];
  let head, columns, trades, orders, names, levels = 0, shown = null;

  /** Integers of `width` bytes, low bytes of all rows first; sums where they were differences. */
  function column(bytes, width, rows, delta) {
    const values = new Float64Array(rows);
    let sum = 0;
    for (let i = 0; i < rows; i++) {
      let value = 0;
      for (let b = 0; b < width; b++) value += bytes[b * rows + i] * 2 ** (8 * b);
      if (bytes[(width - 1) * rows + i] & 128) value -= 2 ** (8 * width);
      sum += value;
      values[i] = delta ? sum : value;
    }
    return values;
  }

  function load(blob) {
    const size = new DataView(blob.buffer).getUint32(0, true);
    head = JSON.parse(new TextDecoder().decode(blob.subarray(4, 4 + size)));
    columns = {};
    let at = 4 + size;
    for (const [name, delta, width, rows] of head.columns) {
      columns[name] = column(blob.subarray(at, at + width * rows), width, rows, delta);
      at += width * rows;
      if (name.startsWith("bid_px_")) levels += 1;
    }
    names = Object.keys(head.features.columns);
    orders = new Map(head.features.orders.map((order, row) => [order, row]));
    trades = new Map(head.trades.map((trade, row) => [trade.id, { ...trade, row }]));
  }

  /** Every feature at the decision of an order; null where none is known. */
  function features(order) {
    const row = orders.get(order);
    return row === undefined ? null : names.map((name) => head.features.columns[name][row]);
  }

  /** The features a hover has room for. */
  function saw(id, entry) {
    const trade = trades.get(id);
    const values = trade && features(entry ? trade.entry.id : trade.exit.id);
    if (!values) return "";
    const lines = SHOWN.filter((name) => names.includes(name)).map((name) => {
      const value = values[names.indexOf(name)];
      return `${name} ${value === null ? "—" : value}`;
    });
    return `<br>at the ${entry ? "entry" : "exit"}'s decision: ${lines.slice(0, 4).join(", ")}<br>${lines.slice(4).join(", ")}`;
  }

  /** The first row with a time not before `ms`. */
  function rowAt(times, ms) {
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < ms) low = middle + 1; else high = middle;
    }
    return low;
  }

  const clock = (ms) => new Date(head.base_ms + ms).toISOString().slice(11, 23);
  const px = (units) => (units / 10 ** head.px_decimals).toFixed(head.px_decimals);
  const qty = (units) => (units / 10 ** head.qty_decimals).toFixed(head.qty_decimals);

  /** Prices (units, 0: not shown) of a side of book `row`. */
  function ladder(side, row) {
    const found = [];
    let price = columns[`${side}_px_0`][row];
    if (side === "ask") price += columns.bid_px_0[row];
    for (let k = 0; k < levels; k++) {
      if (k) {
        const step = columns[`${side}_px_${k}`][row];
        if (!step) break;
        price += side === "bid" ? -step : step;
      }
      if (price <= 0) break;
      found.push([price, columns[`${side}_qty_${k}`][row]]);
    }
    return found;
  }

  function booksOf(from, to) {
    const times = columns.book_ms || [];
    const books = [];
    for (let row = rowAt(times, from); row < times.length && times[row] <= to; row++) {
      books.push({ ms: times[row], bid: ladder("bid", row), ask: ladder("ask", row) });
    }
    return books;
  }

  /** The ribbon: what the levels in view held. Nothing is painted that was not in view. */
  function ribbon(books, start) {
    const prices = books.flatMap((book) => [...book.bid, ...book.ask].map(([price]) => price));
    const low = Math.min(...prices), high = Math.max(...prices);
    const fine = prices.every((price) => price % head.tick === 0) ? head.tick : 1;
    const unit = fine * Math.max(1, Math.ceil((high - low) / fine / MOST_ROWS));
    const rows = Math.floor((high - low) / unit) + 1;
    const x = [], z = Array.from({ length: rows }, () => []), held = Array.from({ length: rows }, () => []);
    const scale = Math.log1p(Math.max(1, ...books.flatMap((book) => [...book.bid, ...book.ask].map(([, size]) => size))));
    const push = (ms, book) => {
      x.push((ms - start) / 1000);
      const k = x.length - 1;
      for (let row = 0; row < rows; row++) { z[row][k] = null; held[row][k] = ""; }
      if (!book) return;
      for (const [side, sign] of [["bid", 1], ["ask", -1]]) {
        const levelsIn = book[side];
        if (!levelsIn.length) continue;
        const ends = [levelsIn[0][0], levelsIn.at(-1)[0]].map((price) => Math.floor((price - low) / unit));
        for (let row = Math.min(...ends); row <= Math.max(...ends); row++) { z[row][k] = 0; held[row][k] = 0; }
        for (const [price, size] of levelsIn) held[Math.floor((price - low) / unit)][k] += size;
        for (let row = Math.min(...ends); row <= Math.max(...ends); row++) {
          const size = held[row][k];
          z[row][k] = sign * Math.log1p(size) / scale;
          held[row][k] = `${side} ${qty(size)}`;
        }
      }
    };
    books.forEach((book, k) => {
      push(book.ms, book);
      const next = books[k + 1];
      if (next && next.ms - book.ms > Math.max(LONG_GAP_MS, 3 * head.step_ms)) push(book.ms + LONG_GAP_MS / 3, null);
    });
    x.push((books.at(-1).ms - start) / 1000 + 0.1);
    const y = Array.from({ length: rows }, (_, row) => (low + (row + 0.5) * unit - fine / 2) / 10 ** head.px_decimals);
    return {
      type: "heatmap", x, y, z, customdata: held, zmin: -1, zmax: 1, showscale: false, name: "book",
      hoverongaps: false, hovertemplate: "%{x:.2f} s, %{y}: %{customdata}<extra></extra>",
      colorscale: [[0, "$ask"], [0.35, "$asksoft"], [0.5, "$empty"], [0.65, "$bidsoft"], [1, "$bid"]],
    };
  }

  function lines(books, start) {
    const x = books.map((book) => (book.ms - start) / 1000);
    const side = (name) => ({
      type: "scatter", mode: "lines", name: `best ${name}`, x,
      y: books.map((book) => (book[name].length ? book[name][0][0] / 10 ** head.px_decimals : null)),
      line: { shape: "hv", width: 1.2, color: `$${name}` }, hoverinfo: "skip", showlegend: false,
    });
    const total = (part) => part.reduce((sum, [, size]) => sum + size, 0);
    const obi = books.map((book) => {
      const [bid, ask] = [total(book.bid), total(book.ask)];
      return book.bid.length && book.ask.length && bid + ask ? (bid - ask) / (bid + ask) : null;
    });
    return [side("bid"), side("ask"), {
      type: "scatter", mode: "lines", name: "OBI", x, y: obi, yaxis: "y2", showlegend: false,
      line: { shape: "hv", width: 1.4, color: "$net" }, hovertemplate: "OBI %{y:.2f}<extra></extra>",
    }];
  }

  function printsOf(from, to, start) {
    const times = columns.print_ms || [];
    const parts = { buy: [], sell: [] }, x = [], cvd = [];
    let sum = 0;
    for (let row = rowAt(times, from); row < times.length && times[row] <= to; row++) {
      const size = columns.print_qty[row], at = (times[row] - start) / 1000;
      sum += size;
      x.push(at); cvd.push(sum / 10 ** head.qty_decimals);
      parts[size > 0 ? "buy" : "sell"].push([at, columns.print_px[row], Math.abs(size)]);
    }
    const most = Math.max(1, ...parts.buy.map((one) => one[2]), ...parts.sell.map((one) => one[2]));
    const dots = (name) => ({
      type: "scatter", mode: "markers", name: `${name} prints`,
      x: parts[name].map((one) => one[0]), y: parts[name].map((one) => one[1] / 10 ** head.px_decimals),
      text: parts[name].map((one) => qty(one[2])),
      marker: {
        color: `$${name}dot`, size: parts[name].map((one) => 3 + 19 * Math.sqrt(one[2] / most)),
        opacity: 0.75, line: { width: 0.5, color: "$page" },
      },
      hovertemplate: `${name} %{text} at %{y}, %{x:.3f} s<extra></extra>`,
    });
    return [dots("buy"), dots("sell"), {
      type: "scatter", mode: "lines", name: "CVD", x, y: cvd, yaxis: "y3", showlegend: false,
      line: { shape: "hv", width: 1.4, color: "$wall" }, hovertemplate: "CVD %{y}<extra></extra>",
    }];
  }

  function wallsOf(from, to, start) {
    const made = [];
    for (const [side, price, born, gone, how, size] of head.walls) {
      const end = gone === null ? to : gone;
      if (end < from || born > to) continue;
      const x = [Math.max(born, from), Math.min(end, to)].map((ms) => (ms - start) / 1000);
      made.push({
        type: "scatter", mode: gone !== null && gone <= to ? "lines+markers" : "lines", name: "walls", legendgroup: "walls",
        showlegend: made.length === 0, x, y: [Number(price), Number(price)],
        line: { color: "$wall", width: 2.5, dash: how === "slid" ? "dot" : "solid" },
        marker: { color: "$wall", symbol: how === "eaten" ? "x" : "circle-open", size: [0, 9] },
        hovertemplate: `${side} wall ${size} at ${price}: ${how}<extra></extra>`,
      });
    }
    return made;
  }

  function ordersOf(trade, start) {
    const second = (ms) => (ms - start) / 1000;
    const made = [];
    for (const [name, order, fill, price] of [
      ["entry", trade.entry, trade.entry_ms, trade.entry_px], ["exit", trade.exit, trade.exit_ms, trade.exit_px],
    ]) {
      const sign = order.side > 0 ? "buy" : "sell";
      const arrival = order.arrival_ms === null ? "unknown" : clock(order.arrival_ms);
      made.push({
        type: "scatter", mode: "lines+markers", name: `${name} (${sign})`,
        x: [second(order.ms), second(order.ready_ms), second(fill)], y: [Number(order.mid), Number(order.mid), Number(price)],
        line: { color: "$mark", width: 1.2, dash: "dot" },
        marker: {
          color: ["$page", "$page", `$${sign}`], size: [11, 9, 15],
          symbol: ["diamond", "square", sign === "buy" ? "triangle-up" : "triangle-down"],
          line: { color: "$mark", width: 1.6 },
        },
        text: [
          `${name} decided ${clock(order.ms)}<br>mid ${order.mid}`,
          `${name} arrives: no book before ${clock(order.ready_ms)} can fill it,<br>${arrival} on the exchange's clock`,
          `${name} filled ${clock(fill)}<br>at ${price}, ${(fill - order.ms).toFixed(0)} ms behind the decision`,
        ],
        hovertemplate: "%{text}<extra></extra>",
      });
    }
    return made;
  }

  /** data and layout of one trade. */
  function chart(trade) {
    const start = trade.entry.ms, from = start - AROUND_MS, to = trade.exit_ms + AROUND_MS;
    const books = booksOf(from, to);
    const data = books.length ? [ribbon(books, start), ...lines(books, start)] : [];
    data.push(...printsOf(from, to, start), ...wallsOf(from, to, start), ...ordersOf(trade, start));
    const rule = (ms) => ({
      type: "line", yref: "paper", y0: 0, y1: 1, x0: (ms - start) / 1000, x1: (ms - start) / 1000,
      line: { color: "$mark", width: 1, dash: "dot" }, opacity: 0.5,
    });
    const height = Math.max(420, Math.min(720, window.innerHeight - 190));
    const prices = books.flatMap((book) => [...book.bid, ...book.ask].map(([price]) => price));
    const range = prices.length ? [Math.min(...prices), Math.max(...prices)].map((units) => units / 10 ** head.px_decimals) : null;
    const margin = range ? Math.max((range[1] - range[0]) * 0.06, 2 * head.tick / 10 ** head.px_decimals) : 0;
    return {
      data,
      layout: {
        height, hovermode: "closest", showlegend: !narrow(),
        xaxis: { title: { text: "seconds from the entry's decision" }, range: [from, to].map((ms) => (ms - start) / 1000), anchor: "y3" },
        yaxis: { domain: [0.4, 1], title: { text: "price" }, tickformat: `,.${head.px_decimals}~f`, ...(range && { range: [range[0] - margin, range[1] + margin] }) },
        yaxis2: { domain: [0.21, 0.36], title: { text: "OBI" }, range: [-1.05, 1.05] },
        yaxis3: { domain: [0, 0.17], title: { text: "CVD" } },
        shapes: [rule(trade.entry.ms), rule(trade.exit.ms)],
      },
    };
  }

  function describe(trade) {
    const money = (text) => Number(text).toFixed(4);
    byId("drill-title").textContent =
      `Trade ${trade.id}: ${trade.side > 0 ? "long" : "short"} ${trade.qty}, ${new Date(head.base_ms + trade.entry.ms).toISOString().slice(0, 10)} ${clock(trade.entry.ms)}`;
    byId("drill-lead").textContent =
      `${trade.why[0] || "—"} → ${trade.why[1] || "—"}. In at ${trade.entry_px}, out at ${trade.exit_px} after ` +
      `${((trade.exit_ms - trade.entry_ms) / 1000).toFixed(2)} s. Gross ${money(trade.gross)}, fees ${money(trade.fees)}, ` +
      `net ${money(trade.net)} (${trade.ticks} ticks). Worst ${trade.mae}, best ${trade.mfe} ticks.` +
      (trade.after_gap ? " It left behind a gap." : "");
    const note = !columns.book_ms
      ? "The source of the run was not read: there are no books and prints to show."
      : "Diamond: decided. Square: no book before it can fill the order. Triangle: filled. Green ribbon: bids, orange: asks; pale: in view and empty; nothing where nothing was in view. Violet: walls, until eaten (✕), cancelled (○) or, dotted, out of view. CVD from the left edge." +
        (head.step_ms ? ` Beyond a second from any order: one book each ${head.step_ms} ms.` : "");
    byId("drill-note").textContent = note;
    const [entry, exit] = [features(trade.entry.id), features(trade.exit.id)];
    byId("drill-saw").querySelector("summary").textContent =
      `What the rule saw${head.features.exact ? "" : " (of the second before: the source was not read)"}`;
    byId("drill-features").replaceChildren(...names.map((name, k) => {
      const row = document.createElement("tr");
      for (const text of [name, entry ? entry[k] : null, exit ? exit[k] : null]) {
        row.insertCell().textContent = text === null ? "—" : String(text);
      }
      row.cells[0].className = "word";
      return row;
    }));
  }

  function redraw() {
    if (shown === null || !byId("drill").open) return;
    const { data, layout } = chart(trades.get(shown));
    Plotly.react(byId("drill-chart"), coloured(data), themed(layout), { ...CONFIG, displayModeBar: narrow() ? false : "hover" });
  }

  function open(id) {
    const trade = trades.get(id);
    if (!trade) return;
    byId(`trade-${shown}`)?.classList.remove("open");
    shown = id;
    byId(`trade-${id}`)?.classList.add("open");
    describe(trade);
    byId("drill-page").href = `${PAGE}/#trade-${id}`;
    if (!byId("drill").open) byId("drill").showModal();
    redraw();
    byId("drill").dataset.trade = String(id);
    byId("drill-before").disabled = trade.row === 0;
    byId("drill-after").disabled = trade.row === head.trades.length - 1;
  }

  /** Open what the address names, close when it names no trade. */
  function follow() {
    const found = /^#trade-(\d+)$/.exec(location.hash);
    if (found) open(Number(found[1]));
    else if (byId("drill").open) byId("drill").close();
  }

  function step(by) {
    const next = head.trades[trades.get(shown).row + by];
    if (next) location.hash = `trade-${next.id}`;
  }

  window.addEventListener("DOMContentLoaded", () => {
    const dialog = byId("drill");
    byId("drill-close").addEventListener("click", () => dialog.close());
    byId("drill-before").addEventListener("click", () => step(-1));
    byId("drill-after").addEventListener("click", () => step(1));
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") step(-1);
      if (event.key === "ArrowRight") step(1);
    });
    dialog.addEventListener("close", () => {
      if (/^#trade-/.test(location.hash)) history.replaceState(null, "", location.pathname + location.search);
      byId(`trade-${shown}`)?.scrollIntoView({ block: "nearest" });
    });
  });

  return { load, saw, follow, redraw };
})();
