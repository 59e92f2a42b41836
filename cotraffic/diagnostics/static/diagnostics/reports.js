// Reports: the chart, values to choose from, the viewer's zone, and downloads that say how far they are.

/* global uPlot */

import { problemOf } from "./refresh.js";
import { newZone, rememberZone } from "./zone.js";

const HEIGHT = 250;
const COLOURS = 9;
const WAIT_MS = 250;
// The exact ones are hidden: what the fields cannot say, such as which of two hours of one name.
const TIMES = ["from", "to", "from_exact", "to_exact"];
const numbers = new Intl.NumberFormat("en-US");
const form = document.getElementById("report-form");

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// --- the zone: the browser's, until the viewer chooses one ---

const zoneField = document.getElementById("zone");
// The page was made with UTC. An address that names its zone has that one.
if (newZone && newZone !== zoneField.value && !new URLSearchParams(location.search).has("zone")) location.reload();
form.addEventListener("submit", () => rememberZone(zoneField.value.trim() || "UTC"));
for (const zone of Intl.supportedValuesOf?.("timeZone") ?? []) {
  document.getElementById("zones").append(new Option(zone, zone));
}

// --- from and to are wanted for a chosen time alone ---

const range = document.getElementById("range");
function showChosen() {
  for (const field of form.querySelectorAll("[data-chosen]")) field.hidden = range.value !== "chosen";
}
range.addEventListener("change", showChosen);
showChosen();
// Fields that say nothing stay out of the address.
form.addEventListener("formdata", (event) => {
  for (const name of new Set(event.formData.keys())) {
    const values = event.formData.getAll(name).filter((value) => value !== "");
    event.formData.delete(name);
    for (const value of values) event.formData.append(name, value);
  }
  if (range.value !== "chosen") for (const name of TIMES) event.formData.delete(name);
});

// --- values to choose from, with their counts ---

function offer(list, values) {
  const options = values.map(({ key, name, clicks }) => {
    const option = new Option("", key || "none");
    option.label = `${name || key || "none"} (${numbers.format(clicks)})`;
    return option;
  });
  list.replaceChildren(...options);
}

let waiting;
form.addEventListener("focusin", (event) => suggest(event.target));
form.addEventListener("input", (event) => {
  clearTimeout(waiting);
  waiting = setTimeout(() => suggest(event.target), WAIT_MS);
});

async function suggest(field) {
  if (!field.matches?.("input[list^=values-]")) return;
  const wanted = new URLSearchParams();
  for (const name of ["scope", "range", ...TIMES, "zone"]) {
    const value = form.elements[name]?.value;
    if (value && (range.value === "chosen" || !TIMES.includes(name))) wanted.set(name, value);
  }
  wanted.set("dimension", field.name);
  wanted.set("search", field.value);
  const answer = await fetch(`${form.dataset.values}?${wanted}`, { headers: { Accept: "application/json" } });
  if (answer.ok) offer(field.list, (await answer.json()).values);
}

// --- the chart ---

function axis(more) {
  return {
    stroke: css("--body-quiet-color"),
    grid: { stroke: css("--hairline-color"), width: 1 },
    ticks: { stroke: css("--hairline-color"), width: 1 },
    font: "12px system-ui, sans-serif",
    ...more,
  };
}

function local(seconds, zone) {
  const parts = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
  return parts.format(new Date(seconds * 1000));
}

/** The text below a line of the grid: of a day its date, of a shorter step its time as well. */
function tick(seconds, { zone, step }) {
  const [date, time] = local(seconds, zone).split(" ");
  if (step === "day") return date;
  return step === "minute" ? time : `${time}\n${date}`;
}

function chosen(from, to) {
  const wanted = new URLSearchParams(location.search);
  for (const name of ["range", "page", ...TIMES]) wanted.delete(name);
  wanted.set("from", new Date(from * 1000).toISOString());
  wanted.set("to", new Date(to * 1000).toISOString());
  location.search = wanted;
}

function draw(figure, data) {
  const plot = figure.querySelector("[data-plot]");
  const lengths = { minute: 60, hour: 3600, day: data.daySeconds };
  const series = data.lines.map(({ label }, at) => ({
    label,
    stroke: at < COLOURS ? css(`--series-${at}`) : css("--body-fg"),
    dash: at < COLOURS ? undefined : [6, 3],
    width: 1.5,
    points: { show: data.times.length < 3, size: 5 },
    value: (_, value) => (value == null ? "-" : numbers.format(value)),
  }));
  const options = {
    width: plot.clientWidth,
    height: HEIGHT,
    padding: [null, 40, null, null],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.zone),
    cursor: { y: false, drag: { x: true, y: false, setScale: false } },
    scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    axes: [axis({ space: 90, values: (_, at) => at.map((each) => tick(each, data)) }), axis({ size: 70, label: "clicks", values: (_, values) => values.map((v) => (Number.isInteger(v) ? numbers.format(v) : "")) })],
    series: [{ label: data.zone, value: (_, at) => (at == null ? "" : local(at, data.zone)) }, ...series],
    hooks: {
      setSelect: [
        (chart) => {
          const { left, width } = chart.select;
          if (width < 5) return;
          const to = Math.ceil(chart.posToVal(left + width, "x"));
          chosen(Math.floor(chart.posToVal(left, "x")), Math.min(to, data.times.at(-1) + lengths[data.step]));
        },
      ],
    },
  };
  const chart = new uPlot(options, [data.times, ...data.lines.map(({ clicks }) => clicks)], plot);
  // Before anybody points at it the legend shows the last step.
  chart.setCursor({ left: chart.valToPos(data.times.at(-1), "x"), top: 0 });
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", `Clicks over time, ${data.lines.length} lines; the table below has the numbers.`);
  return chart;
}

const figure = document.getElementById("report-chart");
if (figure) {
  const data = JSON.parse(document.getElementById("report-series").textContent);
  let chart = draw(figure, data);
  const plot = figure.querySelector("[data-plot]");
  new ResizeObserver(() => {
    const width = plot.clientWidth;
    if (width && width !== chart.width) chart.setSize({ width, height: HEIGHT });
  }).observe(plot);
  new MutationObserver(() => {
    chart.destroy();
    chart = draw(figure, data);
  }).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}

// --- downloads ---

const status = document.getElementById("download-status");

// Who is not signed in any more gets a refusal in JSON, and not the login page, which would be saved as the file.
const IN_JSON = { headers: { Accept: "application/json" } };

async function download(link) {
  const answer = await fetch(link.href, IN_JSON);
  if (!answer.ok || answer.redirected) throw new Error(await problemOf(answer));
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "report";
  const pieces = [];
  let bytes = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    bytes += value.length;
    status.textContent = `${name}: ${numbers.format(Math.ceil(bytes / 1024))} kB so far…`;
  }
  const url = URL.createObjectURL(new Blob(pieces, { type: answer.headers.get("Content-Type") }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  status.textContent = `${name}: done, ${numbers.format(Math.ceil(bytes / 1024))} kB.`;
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-download]");
  if (!link || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  status.textContent = "The file is being made…";
  try {
    await download(link);
  } catch (error) {
    status.textContent = `The file could not be made: ${error.message}`;
  }
});

// --- files of all instances that are not here yet ---

const fetching = document.getElementById("fetching");

async function copyFiles() {
  const bar = fetching.querySelector("progress");
  const said = document.getElementById("fetching-status");
  const answer = await fetch(fetching.dataset.url, IN_JSON);
  const decoder = new TextDecoder();
  let rest = "";
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop();
    for (const step of lines.filter(Boolean).map((line) => JSON.parse(line))) {
      if (step.problem) throw new Error(step.problem);
      if (step.done) return location.reload();
      bar.max = step.of_bytes || 1;
      bar.value = step.bytes;
      said.textContent = `${numbers.format(step.files)} of ${numbers.format(step.of_files)} files…`;
    }
  }
  throw new Error(rest ? JSON.parse(rest).problem : "The connection ended. Show the report again to go on.");
}

if (fetching) {
  copyFiles().catch((error) => {
    const said = document.getElementById("fetching-status");
    said.textContent = `The files could not be copied: ${error.message}`;
  });
}
