// Times and numbers as people read them; cotraffic/diagnostics/formatting.py says the same on the server.

const UNITS = [["day", 86400], ["h", 3600], ["min", 60], ["s", 1]];

function counted(count, unit) {
  const text = `${count.toLocaleString("en-US")} ${unit}`;
  return unit === "day" && count !== 1 ? `${text}s` : text;
}

/** How long ago, or how soon, in one unit: "just now", "3 min ago", "in 2 h". */
export function relative(atSeconds, nowSeconds) {
  const distance = nowSeconds - atSeconds;
  if (Math.abs(distance) < 2) return "just now";
  const [unit, length] = UNITS.find(([, each]) => Math.abs(distance) >= each);
  const text = counted(Math.floor(Math.abs(distance) / length), unit);
  return distance > 0 ? `${text} ago` : `in ${text}`;
}

/** With its zone: "2026-11-25 02:25:10 UTC". */
export function absolute(atSeconds) {
  return `${new Date(atSeconds * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** A <time> element that keeps itself up to date. */
export function moment(atSeconds) {
  const time = document.createElement("time");
  time.className = "moment";
  time.dateTime = `${new Date(atSeconds * 1000).toISOString().slice(0, 19)}Z`;
  time.dataset.ago = "";
  const ago = document.createElement("span");
  ago.className = "ago";
  ago.textContent = relative(atSeconds, Date.now() / 1000);
  const exact = document.createElement("span");
  exact.className = "absolute";
  exact.textContent = absolute(atSeconds);
  time.append(ago, " ", exact);
  return time;
}

/** Say anew how long ago every time below `root` was. */
export function renewTimes(root = document) {
  const now = Date.now() / 1000;
  for (const time of root.querySelectorAll("time[data-ago]")) {
    const text = relative(Date.parse(time.dateTime) / 1000, now);
    const ago = time.querySelector(".ago");
    // Only what changed is touched: a screen reader hears of every change.
    if (ago.textContent !== text) ago.textContent = text;
  }
}
