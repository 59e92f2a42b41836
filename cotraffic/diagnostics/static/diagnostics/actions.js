// Shows how far actions have come: often while one is under way, seldom otherwise.

import { refresh, repeat, staleness } from "./refresh.js";

const BUSY_MS = 1000;
const QUIET_MS = 5000;

const root = document.querySelector("[data-refresh]");
repeat(
  () => refresh(root),
  () => (root.querySelector("[data-busy='1']") ? BUSY_MS : QUIET_MS),
  staleness(root),
);
