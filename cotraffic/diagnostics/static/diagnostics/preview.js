// Shows how far a preview or a decision has come, and brings the page up to date when it is over.

import { refresh, repeat, staleness } from "./refresh.js";

const BUSY_MS = 700;
const QUIET_MS = 5000;

const root = document.querySelector("[data-preview-progress]");
if (root) {
  root.dataset.refresh = root.dataset.previewProgress;
  const isBusy = () => root.querySelector("[data-busy='1']") !== null;
  let wasBusy = isBusy();
  repeat(
    async () => {
      if (!wasBusy) return;
      await refresh(root);
      wasBusy = isBusy();
      if (!wasBusy) location.reload();
    },
    () => (wasBusy ? BUSY_MS : QUIET_MS),
    staleness(root),
  );
}
