// Asks the server once a second, and shows what has changed. Asks less while the tab is hidden.

import { Chart } from "./chart.js";
import { bytes, compact, duration, percent, time, visible } from "./format.js";
import { Events, showHost, showKinds, showTop } from "./panels.js";
import { between, totals } from "./rates.js";
import { Table } from "./table.js";

const SECOND = 1000;
/** How long charts are, in seconds. */
const SPAN = 120;
/** While the tab is hidden, browsers allow no more than one request a minute after some time. */
const HIDDEN_WAIT = 5 * SECOND;
/** Tenants change more slowly, and their list is longer: it is read at each second look. */
const TENANTS_EVERY = 2;
const MAX_WAIT = 5 * SECOND;

const byId = (id) => document.getElementById(id);
const [state, notice, announcement, pause, choice] = ["state", "notice", "announce", "pause", "class"].map(byId);

/** The last responses of /stats, and the rates between each two of them. */
let looks = [];
let points = [];
/** The chosen class; empty for all. */
let name = "";
let paused = false;
let asking = false;
let failures = 0;
let timer;
let turn = 0;
/** The number of the last request for the table, whose response is shown and no earlier one. */
let asked = 0;

function announce(text) {
  announcement.textContent = text;
}

async function ask(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(10 * SECOND) });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

const one = (look) => [{ name: "", look }];
const chart = (id, options) => new Chart(document.querySelector(`[data-chart="${id}"]`), options);
const percentiles = [{ name: "p50", look: "main" }, { name: "p90", look: "p90" }, { name: "p99", look: "p99" }];
const charts = {
  operations: chart("operations", { title: "Operations a second", series: one("main"), scale: "linear", format: compact }),
  requests: chart("requests", { title: "Requests a second", series: one("main"), scale: "linear", format: compact }),
  hits: chart("hits", { title: "Hit ratio of reads", series: one("good"), scale: "ratio", format: percent }),
  latency: chart("latency", { title: "Duration", series: percentiles, scale: "log", format: duration }),
  memory: chart("memory", { title: "Memory of maps", series: one("second"), scale: "bytes", format: bytes }),
  evictions: chart("evictions", { title: "Entries evicted a second", series: one("third"), scale: "linear", format: compact }),
};
const events = new Events();
const table = new Table({ changed: () => showTable().catch(gone), announce });

function draw() {
  const of = document.querySelector('[name="latency"]:checked').value;
  const single = (field) => points.map((point) => ({ time: point.time, values: [point[field]] }));
  charts.operations.show(single("operations"));
  charts.requests.show(single("requests"));
  charts.hits.show(single("hits"));
  charts.memory.show(single("bytes"));
  charts.evictions.show(single("evicted"));
  charts.latency.title = `Duration of ${of}`;
  charts.latency.show(points.map(({ time, latency }) => ({ time, values: latency?.[of] ?? [null, null, null] })));
}

/** Adds a response of /stats. */
function add(stats) {
  if (looks.length > 0 && looks.at(-1).started_ms !== stats.started_ms) {
    looks = [];
    points = [];
    events.forget();
  }
  const before = looks.at(-1);
  looks.push(stats);
  if (before) points.push(between(before, stats, name, points.at(-1)));
  const begin = stats.uptime_us / 1e6 - SPAN;
  looks = looks.filter((found) => found.uptime_us / 1e6 >= begin);
  points = points.filter(({ time }) => time > begin);
  draw();
  showClasses(stats.classes.map((found) => found.name));
  showKinds(points.at(-1)?.kinds ?? [], stats.metrics);
  showHost(stats.host, totals(stats, name));
  byId("about").textContent = `${stats.version}, up ${time(stats.uptime_us / 1e6)}${stats.ready ? "" : ", not ready"}`;
  byId("trace").hidden = !stats.tracing;
}

/** Offers the classes, when there are others than before. */
function showClasses(names) {
  const all = ["", ...names];
  const offered = [...choice.options].map((option) => option.value);
  if (all.length === offered.length && all.every((found, index) => found === offered[index])) return;
  choice.replaceChildren(...all.map((found) => new Option(found === "" ? "all" : visible(found), found, false, found === name)));
  if (!all.includes(name)) choose("");
}

function choose(chosen) {
  name = chosen;
  document.body.classList.toggle("filtered", name !== "");
  points = [];
  looks.slice(1).forEach((stats, index) => points.push(between(looks[index], stats, name, points.at(-1))));
  events.forget();
  table.offset = 0;
  draw();
}

/** Shows whether the figures are those of now. */
function show(now, text) {
  if (state.dataset.state === now) return;
  const first = state.dataset.state === "starting";
  state.dataset.state = now;
  state.textContent = text;
  document.body.classList.toggle("stale", now === "gone");
  if (!first || now === "gone") announce(text);
}

function gone(error) {
  failures += 1;
  show("gone", "Server gone");
  // The error of a lost connection is in the words of the browser.
  const why = error instanceof TypeError ? "" : `: ${error.message.trim()}`;
  notice.textContent = `The server does not answer${why}. These are its last figures. Trying again.`;
  notice.hidden = false;
}

async function showTable() {
  asked += 1;
  const mine = asked;
  const page = await ask(`maps?${table.query(name)}`);
  if (mine === asked) table.show(page);
}

async function showTenants() {
  const inClass = name === "" ? "" : `&class=${encodeURIComponent(name)}`;
  const [top, evicted] = await Promise.all([
    ask(`maps?sort=bytes&limit=8${inClass}`),
    ask(`maps?sort=evicted&limit=100${inClass}`),
    showTable(),
  ]);
  showTop(top.tenants);
  events.look(evicted.tenants, looks.at(-1).classes, name);
}

/** Asks for all, and again after a second. While the tab is hidden, asks only for what charts need, and less often. */
async function look() {
  clearTimeout(timer);
  if (asking) return;
  asking = true;
  try {
    add(await ask("stats"));
    if (!document.hidden) {
      if (turn % TENANTS_EVERY === 0) await showTenants();
      turn += 1;
    }
    failures = 0;
    notice.hidden = true;
    show(paused ? "paused" : "live", paused ? "Paused" : "Live");
  } catch (error) {
    gone(error);
  }
  asking = false;
  const wait = document.hidden ? HIDDEN_WAIT : Math.min(SECOND * 2 ** failures, MAX_WAIT);
  clearTimeout(timer);
  if (!paused) timer = setTimeout(look, wait);
}

pause.addEventListener("click", () => {
  paused = !paused;
  pause.ariaPressed = String(paused);
  clearTimeout(timer);
  if (paused) show("paused", "Paused");
  else look();
});
choice.addEventListener("change", () => {
  choose(choice.value);
  turn = 0;
  look();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden || paused) return;
  turn = 0;
  look();
});
for (const input of document.querySelectorAll('[name="latency"]')) input.addEventListener("change", draw);
look();
