// What every panel has: times that stay true, the viewer's zone, and buttons that copy.

import { renewTimes } from "./times.js";
import "./zone.js";

const RENEW_MS = 1000;
const COPIED_MS = 1500;

// Where the tabs do not fit, the one that is open can be seen. Not by scrollIntoView, from which Chromium counts
// on: the first stop of the Tab key would no longer be the link that skips the tabs.
const tabs = document.querySelector(".tabs");
const open = tabs?.querySelector("[aria-current]")?.getBoundingClientRect();
if (open) {
  const { left, width } = tabs.getBoundingClientRect();
  tabs.scrollLeft += open.left + open.width / 2 - (left + width / 2);
}

// On a phone a long form is folded to begin with, so that what it is about can be seen.
if (matchMedia("(max-width: 600px)").matches) {
  for (const part of document.querySelectorAll("details[data-fold]")) part.open = false;
}

setInterval(() => renewTimes(), RENEW_MS);

// <button type="button" data-copy="text"> copies its text, and says so for a moment; a [role=status] beside it
// says so to those who hear the page.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const label = button.dataset.label ?? (button.dataset.label = button.textContent);
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
    const status = button.parentElement.querySelector("[role=status]");
    if (status) status.textContent = `Copied: ${label}`;
  } catch {
    button.textContent = "Select and copy it by hand";
  }
  setTimeout(() => (button.textContent = label), COPIED_MS);
});
