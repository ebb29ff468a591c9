/* The sweep: a heat map of any two parameters, how all variants ended, the best day by day. */
const data = read("data");
const short = (path) => path.slice(path.indexOf(".") + 1);
const figure = (value) => (value === null ? "–" : Number(value.toPrecision(5)).toString());

/** One number for the variants that share a cell. */
const OF = {
  median: (values) => values[(values.length - 1) >> 1],
  best: (values) => values[values.length - 1],
  worst: (values) => values[0],
  mean: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
};

/** rows × columns of {value, n, top}: what the variants in each cell show. */
function cells(across, up, values, of) {
  const grid = up.labels.map(() => across.labels.map(() => []));
  values.forEach((value, v) => {
    if (value !== null) grid[up.cells[v]][across.cells[v]].push([value, v]);
  });
  return grid.map((row) => row.map((found) => {
    if (!found.length) return { value: null, n: 0, top: null };
    found.sort((a, b) => a[0] - b[0]);
    return { value: OF[of](found.map((one) => one[0])), n: found.length, top: found[found.length - 1][1] };
  }));
}

/** Draw into a place, as wide as it is: plotly's own measure is off on narrow screens. */
function plot(id, traces, layout) {
  const place = byId(id);
  const look = themed({ showlegend: false, hovermode: "closest", margin: { l: 50, r: 10, t: 40, b: 40 }, ...layout });
  Plotly.react(place, traces, { ...look, width: place.clientWidth }, { displaylogo: false, displayModeBar: false });
}

function drawMap() {
  const one = { path: ".", labels: [""], cells: data.ids.map(() => 0) };
  const across = data.axes[byId("across").value];
  const up = byId("up").value === "" ? one : data.axes[byId("up").value];
  const measure = data.measures[byId("measure").value];
  const found = cells(across, up, measure.values, byId("of").value);
  const z = found.map((row) => row.map((cell) => cell.value));
  const known = z.flat().filter((value) => value !== null);
  const signed = known.some((value) => value < 0) && !measure.name.includes("deflated");
  const most = Math.max(...known.map(Math.abs), 1e-12);
  const allLoss = known.every((value) => value <= 0), allGain = known.every((value) => value >= 0);
  const scale = signed
    ? [[0, colour("low")], [0.5, colour("middle")], [1, colour("high")]]
    : [[0, colour("dark")], [1, colour("high")]];
  const text = found.map((row) => row.map((cell) => cell.n === 0 ? "no variant" :
    `${measure.name}: ${figure(cell.value)} (${byId("of").value} of ${cell.n})<br>best there: variant ${data.ids[cell.top]}, ${figure(measure.values[cell.top])}`));
  const small = z.length * z[0].length <= (narrow() ? 40 : 150);
  plot("chart-map", [{
    type: "heatmap", z, text, hovertemplate: "%{xaxis.title.text} %{x}<br>%{yaxis.title.text} %{y}<br>%{text}<extra></extra>",
    x: across.labels, y: up.labels, xgap: 2, ygap: 2,
    colorscale: scale, zmin: signed ? -most : Math.min(...known), zmax: signed ? most : Math.max(...known),
    ...(small ? { texttemplate: "%{z:.3~g}", textfont: { size: narrow() ? 10 : 12 } } : {}),
    colorbar: { thickness: 10, outlinewidth: 0 }, showscale: !narrow(),
  }], {
    height: Math.max(220, Math.min(640, 120 + 34 * up.labels.length)), plot_bgcolor: colour("empty"),
    title: { text: `${measure.name}${signed && (allLoss || allGain) ? `: no cell ${allLoss ? "gains" : "loses"}` : ""}`, font: { size: 14 }, x: 0.01 },
    xaxis: { type: "category", title: { text: short(across.path) }, showgrid: false },
    yaxis: { type: "category", title: { text: short(up.path) }, showgrid: false },
  });
}

function drawSpread() {
  const measure = data.measures[0];
  plot("chart-spread", [{
    type: "histogram", x: measure.values.filter((value) => value !== null), nbinsx: 40,
    marker: { color: colour("accent") }, hovertemplate: "%{y} variants at %{x}<extra></extra>",
  }], {
    height: 300, title: { text: "How many variants ended where", font: { size: 14 }, x: 0.01 },
    xaxis: { title: { text: measure.name } }, yaxis: { title: { text: "variants" } }, bargap: 0.04,
    shapes: [{ type: "line", x0: 0, x1: 0, yref: "paper", y0: 0, y1: 1, line: { color: colour("text"), dash: "dot" } }],
  });
}

/** The best variant day by day; from twenty days on also what walking forward brought. */
function drawDays() {
  const sum = (values) => { let total = 0; return values.map((value) => (total += value)); };
  const traces = [{ name: "best of all, chosen afterwards", x: data.days, y: sum(data.best), line: { color: colour("low") } }];
  if (data.walk) {
    const from = data.days.length - data.walk.days;
    traces.push({ name: "chosen by the days before", x: data.days.slice(from), y: sum(data.walk.out_of_sample), line: { color: colour("high") } });
  }
  traces.forEach((trace) => { trace.type = "scatter"; trace.mode = data.days.length > 60 ? "lines" : "lines+markers"; });
  plot("chart-days", traces, {
    height: 300, title: { text: "Net, day upon day", font: { size: 14 }, x: 0.01, y: 0.98, yanchor: "top" },
    xaxis: { type: "category", title: { text: "day" }, showticklabels: false }, showlegend: true,
    legend: { orientation: "h", y: 1, yanchor: "bottom", x: 0, font: { size: 11 } }, margin: { l: 50, r: 10, t: 76, b: 40 },
  });
}

function drawAll() {
  if (data.axes.length) drawMap();
  drawSpread();
  if (data.days.length) drawDays();
}

function choose(id, names, chosen) {
  names.forEach(([value, name]) => byId(id).add(new Option(name, value, false, value === chosen)));
  byId(id).addEventListener("change", drawMap);
}

/** The two parameters with the most values, which is what most sweeps are about. */
function setUp() {
  const axes = data.axes.map((axis, k) => [k, short(axis.path)]);
  const most = axes.map(([k]) => k).sort((a, b) => data.axes[b].labels.length - data.axes[a].labels.length);
  if (!axes.length) byId("map").innerHTML = "<h2>Heat map</h2><p>No parameter varies: there is nothing to map.</p>";
  else {
    choose("across", axes, most[0]);
    choose("up", [...axes, ["", "nothing"]], most.length > 1 ? most[1] : "");
    choose("measure", data.measures.map((measure, k) => [k, measure.name]), 0);
    byId("of").addEventListener("change", drawMap);
  }
  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(drawAll, 100); });
}

whenReady(async () => {
  setUp();
  return drawAll;
});
