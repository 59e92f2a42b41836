// Keeps the refused clicks up to date.

import { refresh, repeat, staleness } from "./refresh.js";

const EVERY_MS = 5000;

const root = document.querySelector("[data-refresh]");
// On later pages rows stay where they are.
if (root) repeat(() => refresh(root), () => EVERY_MS, staleness(root));
