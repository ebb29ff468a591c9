/* The report: charts, the list of trades. drill_down.js shows the seconds around one. */

/** Points that stand for a trade say what the rule saw, and open it. */
function tell(charts) {
  for (const chart of charts) {
    for (const trace of chart.data) {
      if (!trace.customdata || !trace.text) continue;
      const entry = !/exits$/.test(trace.name || "");
      trace.text = trace.text.map((said, k) => said + Drill.saw(trace.customdata[k], entry));
    }
  }
}

/** Everything that is drawn from figures; a place without a chart goes. */
async function prepare() {
  Drill.load(await unpacked("around"));
  const charts = read("charts");
  tell(charts);
  for (const place of document.querySelectorAll(".chart")) {
    if (!charts.some((chart) => chart.id === place.id)) place.remove();
  }
  return () => { charts.forEach(draw); Drill.redraw(); };
}

/** A point that stands for a trade opens it. */
function follow() {
  for (const { id } of read("charts")) {
    byId(id).on("plotly_click", ({ points }) => {
      const trade = points[0].data.text ? points[0].customdata : undefined;
      if (trade !== undefined) location.hash = `trade-${trade}`;
    });
  }
  listTrades();
  window.addEventListener("hashchange", Drill.follow);
  Drill.follow();
}

/** Sorting by a click on a head, opening by a click on a row. */
function listTrades() {
  const table = byId("trade-list");
  if (!table) return;
  const body = table.tBodies[0];
  const value = (row, column) => {
    const text = row.cells[column].textContent.replace(/,/g, "");
    const number = Number(text);
    return text.trim() === "" || Number.isNaN(number) ? text : number;
  };
  table.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("th");
    if (!head) return;
    const column = head.cellIndex;
    const down = head.ariaSort === "ascending";
    for (const other of head.parentNode.cells) other.ariaSort = null;
    head.ariaSort = down ? "descending" : "ascending";
    const rows = [...body.rows].map((row) => [value(row, column), row]);
    rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1));
    body.append(...rows.map(([, row]) => row));
  });
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && !event.target.closest("a")) location.hash = row.id;
  });
}

whenReady(prepare, follow);
