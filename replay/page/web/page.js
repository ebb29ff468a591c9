// The page: one store, one view of time, panes that share it, panels at the side.

import { startTheme } from "./colours.js";
import { control, drawControls, moment, quiet, say, seek, startControls, toTrade } from "./controls.js";
import { makeHeat } from "./heat.js";
import { makeCvd, makeFlow, makeObi } from "./lines.js";
import { startLists } from "./lists.js";
import { drawPanes, sizePanes } from "./pane.js";
import { age, drawPanels } from "./panels.js";
import { makeRibbon } from "./ribbon.js";
import { drawScrubber, startScrubber } from "./scrubber.js";
import { store } from "./store.js";
import { drawn, listen, paints, silentFor } from "./stream.js";
import { begin, redraw, redrawNow, settle, showAround, view, whenAsked } from "./view.js";
import { clock, day, digits, number } from "./words.js";

const get = (id) => document.getElementById(id);
let connection = "connecting";
let opened = false;

function bar() {
  const { hello, now } = store;
  if (!hello || !now) return;
  const f = now.features;
  get("mid").textContent = number(f.mid, digits.px + 1);
  get("spread").textContent = number(f.spread, digits.px);
  get("micro").textContent = number(f.microprice, digits.px);
  get("clock").textContent = `${day(now.ms)} ${clock(now.ms, 1)} UTC`;
  get("state").dataset.is = how()[0];
  get("state-words").textContent = how()[1];
}

// Is what is shown what the market says, and now?
function how() {
  if (connection !== "open") return ["lost", "no server: trying again"];
  const { player, now } = store, old = age(silentFor());
  if (player?.playing) return ["well", `replay ${player.speed}×`];
  if (player) return ["late", player.ended ? "the end" : "paused"];
  if (store.health?.over) return ["lost", "the run has ended"];
  if (old !== null && old > 2.5) return ["lost", `silent for ${old.toFixed(0)} s`];
  if (now.features.book_stale) return ["late", "book stale"];
  return view.hold ? ["late", `${store.hello.what}, held`] : ["well", store.hello.what];
}

function draw() {
  if (!store.hello || !store.now) return;
  settle();
  drawPanes();
  drawPanels(silentFor());
  bar();
  drawControls();
  if (store.player) drawScrubber();
  document.documentElement.dataset.drawn = "yes";
  drawn();
}

function came(says) {
  if (says.refused) return say(says.refused);
  if (says.hello) {
    const { symbol, strategy, px, qty, tick } = says.hello;
    Object.assign(digits, { px, qty, tick });
    get("symbol").textContent = symbol;
    get("rule").textContent = strategy;
    document.title = `${symbol} · MicroPulse`;
    get("report").hidden = !says.hello.report;
  }
  if (says.player && get("replay").hidden) { get("replay").hidden = false; sizePanes(); }
  if (says.symbols) chooseSymbols(says.symbols);
  if ((says.miniature || says.hello) && !opened) openAt();
  redrawNow();
}

// An address may say when to open: #t=MS, or #trade-N once the trades are known.
async function openAt() {
  const { ms, trade } = moment();
  if (ms !== null && store.player) { opened = true; await control({ do: "pause" }); await seek(ms); }
  else if (ms !== null && store.hello) { opened = true; showAround(ms); }
  else if (trade !== null && store.miniature) {
    opened = true;
    const trip = store.miniature.trips.find((one) => one.id === trade);
    if (trip) await toTrade(trip); else say(`There is no trade ${trade} here.`);
  } else if (ms === null && trade === null) opened = true;
}

function chooseSymbols(symbols) {
  const choice = get("symbols");
  if (symbols.length < 2 || choice.options.length === symbols.length) return;
  choice.replaceChildren(...symbols.map((name) => new Option(name, name, false, name === store.hello?.symbol)));
  choice.hidden = false; get("symbol").hidden = true;
}

function start() {
  startTheme(redraw);
  makeRibbon(); makeHeat(); makeCvd(); makeObi(); makeFlow();
  startControls(); startLists(); startScrubber();
  whenAsked(draw);
  new ResizeObserver(sizePanes).observe(get("charts"));
  const connected = (state) => { connection = state; bar(); };
  get("symbols").addEventListener("change", (event) => listen(event.target.value, came, connected));
  addEventListener("hashchange", () => { opened = false; openAt(); });
  listen(null, came, connected);
  setInterval(() => { quiet(); if (silentFor() > 0.9) redraw(); else bar(); }, 500);
  begin();
}

start();
// For who measures and tests: what the page knows, as it is.
window.micropulse = { store, view, paints };
