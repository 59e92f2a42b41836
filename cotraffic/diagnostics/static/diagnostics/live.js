// Puts new clicks on top as they come, until the reader pauses. It holds still while somebody points at it, works
// in it or has scrolled, and says how many have come.

import { ask, repeat, staleness } from "./refresh.js";

const EVERY_MS = 1500;
const ROWS_KEPT = 200;

const root = document.getElementById("live");
const pause = document.getElementById("pause");
const status = document.getElementById("live-status");
const reach = document.getElementById("live-reach");
const more = document.getElementById("live-more");
let waiting = [];

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}

async function takeNew() {
  if (pause.getAttribute("aria-pressed") === "true") return;
  const query = new URLSearchParams(location.search);
  query.set("after", root.dataset.newest);
  const found = await ask(`${root.dataset.url}?${query}`, { json: true });
  if (pause.getAttribute("aria-pressed") === "true") return;
  root.dataset.newest = found.newest;
  if (!found.shown) return;
  waiting.push(found);
  if (isInUse()) hold();
  else showWaiting();
}

/** Whether rows that move would get in somebody's way. */
function isInUse() {
  const table = document.getElementById("live-table");
  const chosen = getSelection();
  const isSelected = !chosen.isCollapsed && root.contains(chosen.anchorNode);
  return table.matches(":hover") || table.contains(document.activeElement) || isSelected || table.getBoundingClientRect().top < 0;
}

function hold() {
  const count = waiting.reduce((all, found) => all + found.shown, 0);
  more.textContent = `${count} new click${count === 1 ? "" : "s"} - show`;
  more.hidden = false;
}

function showWaiting() {
  for (const found of waiting) show(found);
  waiting = [];
  more.hidden = true;
}

function show(found) {
  const body = root.querySelector("tbody");
  const fresh = document.createElement("template");
  fresh.innerHTML = found.rows;
  for (const row of fresh.content.querySelectorAll("tr")) row.classList.add("is-new");
  body.prepend(fresh.content);
  if (body.rows.length > ROWS_KEPT) drop(body);
  document.getElementById("live-empty").hidden = true;
  document.getElementById("live-table").hidden = false;
  const left = found.isAll ? "" : " More came than can be shown: the oldest of them were left out.";
  say(`${body.rows.length} shown, ${found.shown} new.${left}`);
}

/** Drop the oldest rows; "Older clicks" goes on behind the last one that stays, so that none is missing between. */
function drop(body) {
  while (body.rows.length > ROWS_KEPT) body.rows[body.rows.length - 1].remove();
  const last = body.rows[body.rows.length - 1].dataset.entry;
  const older = document.getElementById("older");
  const address = new URL(older.href);
  address.searchParams.set("before", last);
  older.href = address;
  older.hidden = false;
  reach.hidden = true;
}

if (root && pause) {
  // Without this script nothing comes by itself.
  for (const part of [pause, document.getElementById("live-promise")]) if (part) part.hidden = false;
  more.addEventListener("click", () => {
    showWaiting();
    scrollTo({ top: 0 });
    pause.focus();
  });
  const takeNow = repeat(takeNew, () => EVERY_MS, staleness(root));
  pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Resume" : "Pause";
    say(paused ? "Paused: what comes now appears when you go on." : "Going on…");
    if (!paused) takeNow();
  });
}
