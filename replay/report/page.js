"use strict";
/* The page: colours, charts, the list of trades. drill_down.js shows the seconds around one. */

const byId = (id) => document.getElementById(id);
const read = (id) => JSON.parse(byId(id).textContent);

/** A gzipped, base64 part of the page as bytes. */
async function unpacked(id) {
  const text = atob(byId(id).textContent);
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

/** The value of a colour of page.css, as it is in the theme of the moment. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** A copy of a figure in which "$bid" has become a colour. */
function coloured(part) {
  if (typeof part === "string") return part.startsWith("$") ? colour(part.slice(1)) : part;
  if (Array.isArray(part)) return part.length > 9 && typeof part[0] === "number" ? part : part.map(coloured);
  if (part === null || typeof part !== "object") return part;
  return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, coloured(value)]));
}

const narrow = () => window.innerWidth < 700;

/** plotly's layout in the page's colours. */
function themed(layout) {
  const axis = { gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("line"), automargin: true, exponentformat: "none", separatethousands: true };
  const made = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("text"), family: "inherit", size: 12 },
    colorway: ["net", "ask", "bid", "wall", "gross", "gain", "price"].map(colour),
    hoverlabel: { bgcolor: colour("panel"), bordercolor: colour("line"), font: { color: colour("text") }, align: "left" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("dim"), activecolor: colour("accent") },
    legend: { orientation: "h", y: 1.01, yanchor: "bottom" },
    margin: { l: narrow() ? 44 : 60, r: 12, t: 28, b: 44 },
    ...coloured(layout),
  };
  for (const key of new Set(["xaxis", "yaxis", ...Object.keys(layout)])) {
    if (/^[xy]axis\d*$/.test(key)) made[key] = { ...axis, ...made[key] };
  }
  return made;
}

const CONFIG = { responsive: true, displaylogo: false, modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]] };

function draw(chart) {
  const place = byId(chart.id);
  return Plotly.react(place, coloured(chart.data), themed(chart.layout), { ...CONFIG, displayModeBar: narrow() ? false : "hover" });
}

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

async function start() {
  const [library, around] = await Promise.all([unpacked("plotly"), unpacked("around")]);
  const script = document.createElement("script");
  script.textContent = new TextDecoder().decode(library);
  document.head.append(script);
  Drill.load(around);
  const charts = read("charts");
  tell(charts);
  const drawAll = () => { charts.forEach(draw); Drill.redraw(); };
  for (const place of document.querySelectorAll(".chart")) {
    if (!charts.some((chart) => chart.id === place.id)) place.remove();
  }
  drawAll();
  for (const chart of charts) {
    byId(chart.id).on("plotly_click", ({ points }) => {
      const id = points[0].data.text ? points[0].customdata : undefined;
      if (id !== undefined) location.hash = `trade-${id}`;
    });
  }
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    root.dataset.theme = isDark() ? "light" : "dark";
    drawAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  listTrades();
  window.addEventListener("hashchange", Drill.follow);
  Drill.follow();
  document.documentElement.dataset.ready = "yes";
}

function isDark() {
  const set = document.documentElement.dataset.theme;
  return set ? set === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
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

window.addEventListener("DOMContentLoaded", () => {
  start().catch((error) => {
    document.documentElement.dataset.ready = "failed";
    const said = document.createElement("p");
    said.textContent = `The charts cannot be drawn: ${error}. The tables are complete. Any browser from 2023 on will do.`;
    byId("headline").before(said);
    console.error(error);
  });
});
