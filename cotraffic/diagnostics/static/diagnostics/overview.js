// The overview: lights and workers every few seconds, charts every ten.

import { LatencyChart, RateChart, TypesChart } from "./charts.js";
import { ask, refresh, repeat, staleness } from "./refresh.js";

const PARTS_MS = 3000;
const CHARTS_MS = 10000;
// A count is a process of its own, which is heavier than a look at Redis.
const TRAFFIC_MS = 120000;

const parts = document.getElementById("parts");
repeat(() => refresh(parts), () => PARTS_MS, staleness(parts));
const workers = document.getElementById("workers");
repeat(() => refresh(workers), () => CHARTS_MS, staleness(workers));

const traffic = document.getElementById("traffic");
repeat(() => refresh(traffic), () => TRAFFIC_MS, staleness(traffic))();

// All details at once, and away again.
const all = document.getElementById("all-details");
all.hidden = false;
all.addEventListener("click", () => {
  const open = all.getAttribute("aria-expanded") !== "true";
  all.setAttribute("aria-expanded", String(open));
  all.textContent = open ? "Hide all details" : "Show all details";
  for (const details of parts.querySelectorAll("details")) details.open = open;
});

const root = document.getElementById("charts");
const charts = [
  new RateChart(document.getElementById("chart-rate")),
  new LatencyChart(document.getElementById("chart-latency")),
  new TypesChart(document.getElementById("chart-types")),
];
const slots = new Map();
const words = {};

async function renewCharts() {
  // The newest slots were not complete when they were fetched, so they are fetched again.
  const known = [...slots.keys()];
  const since = known.length > 2 ? known.at(-2) : 0;
  const found = await ask(`${root.dataset.url}?since=${since}`, { json: true });
  Object.assign(words, found.words);
  for (const slot of found.slots) slots.set(slot.start, slot);
  for (const start of [...slots.keys()].slice(0, -found.kept)) slots.delete(start);
  // Workers publish once a second: what ended just now may still grow.
  const complete = [...slots.values()].filter((slot) => slot.start + found.slotSeconds + 1 < found.now);
  for (const chart of charts) chart.show(complete, found.slotSeconds, words);
}

const renewNow = repeat(renewCharts, () => CHARTS_MS, staleness(root));
renewNow();

// The colours are the theme's.
function redraw() {
  for (const chart of charts) chart.draw();
}
new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
