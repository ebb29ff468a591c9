"use strict";
/* What every page of results does: unpack plotly.js, draw in the page's colours, light and dark. */

const byId = (id) => document.getElementById(id);
const read = (id) => JSON.parse(byId(id).textContent);

/** A gzipped, base64 part of the page as bytes. */
async function unpacked(id) {
  const text = atob(byId(id).textContent);
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

/** The value of a colour of look.css, as it is in the theme of the moment. */
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

/** Unpack plotly.js; `prepare` gives the function that draws everything, now and in the other theme. */
async function openPage(prepare) {
  const library = unpacked("plotly");
  const drawAll = await prepare();
  const script = document.createElement("script");
  script.textContent = new TextDecoder().decode(await library);
  document.head.append(script);
  drawAll();
  byId("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    drawAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
}

function isDark() {
  const set = document.documentElement.dataset.theme;
  return set ? set === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Once the page is there: open it, and say so when its charts cannot be drawn. */
function whenReady(prepare, then = () => {}) {
  window.addEventListener("DOMContentLoaded", () => {
    openPage(prepare).then(() => {
      then();
      document.documentElement.dataset.ready = "yes";
    }).catch((error) => {
      document.documentElement.dataset.ready = "failed";
      const said = document.createElement("p");
      said.textContent = `The charts cannot be drawn: ${error}. The tables are complete. Any browser from 2023 on will do.`;
      document.querySelector("main").prepend(said);
      console.error(error);
    });
  });
}
