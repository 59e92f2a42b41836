// Keeps the refused clicks up to date, but for rows that somebody points at or works in: they would move away.

import { refresh, repeat, staleness } from "./refresh.js";

const EVERY_MS = 5000;

const root = document.querySelector("[data-refresh]");

function isInUse() {
  const table = root.querySelector("table.refusals");
  return table !== null && (table.matches(":hover") || table.contains(document.activeElement));
}

async function renew() {
  if (!isInUse()) await refresh(root);
}

// On later pages rows stay where they are.
if (root) repeat(renew, () => EVERY_MS, staleness(root));
