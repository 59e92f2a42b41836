// Keeps what has data-refresh="<url>" as the server says it is now, and says so when it cannot.

import { patchChildren } from "./patch.js";
import { renewTimes } from "./times.js";

const GIVE_UP_MS = 10000;

/** What the server says at `url`: text of a fragment, or the object of its JSON. Throws with words to show. */
export async function ask(url, { json = false, giveUpMs = GIVE_UP_MS } = {}) {
  let answer;
  try {
    answer = await fetch(url, {
      headers: { Accept: json ? "application/json" : "text/html, application/json" },
      signal: AbortSignal.timeout(giveUpMs),
    });
  } catch {
    throw new Error("The server does not answer.");
  }
  if (!answer.ok) throw new Error(await problemOf(answer));
  return json ? answer.json() : answer.text();
}

/** What the server says is wrong, or else its status. */
export async function problemOf(answer) {
  const type = answer.headers.get("content-type") ?? "";
  if (type.startsWith("application/json")) return (await answer.json()).problem;
  return type.startsWith("text/plain") ? answer.text() : `The server answered with an error (${answer.status}).`;
}

/** Run `work` every `every()` milliseconds while the page can be seen; `tell` hears null, or what is wrong. */
export function repeat(work, every, tell) {
  let timer;
  async function turn() {
    clearTimeout(timer);
    if (!document.hidden) {
      try {
        await work();
        tell(null);
      } catch (problem) {
        tell(problem.message);
      }
    }
    timer = setTimeout(turn, every());
  }
  document.addEventListener("visibilitychange", () => document.hidden || turn());
  timer = setTimeout(turn, every());
  return turn;
}

/** Fetch the fragment of `root` anew and patch it in. */
export async function refresh(root) {
  const fresh = document.createElement("template");
  fresh.innerHTML = await ask(root.dataset.refresh, { giveUpMs: Number(root.dataset.giveUpMs) || GIVE_UP_MS });
  patchChildren(root, fresh.content);
  renewTimes(root);
}

/** Hears of problems, and shows for how long a part of the page has been as it is. */
export function staleness(root) {
  const banner = document.createElement("div");
  banner.className = "stale";
  banner.setAttribute("role", "status");
  root.before(banner);
  let wellAt = Date.now();
  let problem = null;
  function show() {
    root.classList.toggle("is-stale", problem !== null);
    const seconds = Math.round((Date.now() - wellAt) / 1000);
    const text = problem === null ? "" : `${problem} What you see is ${seconds} s old. Trying again…`;
    if (banner.textContent !== text) banner.textContent = text;
  }
  setInterval(show, 1000);
  return (what) => {
    problem = what;
    if (what === null) wellAt = Date.now();
    show();
  };
}
