// Lets the viewer choose the columns of the table of clicks; this browser remembers them.

const KEY = "columns:clicks";
const choice = document.getElementById("column-choice");
const table = document.querySelector("table.clicks");

/** The titles of the columns that are hidden; null if nobody has chosen. Titles stay true if a column is added. */
function remembered() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(found) ? found : null;
  } catch {
    return null;
  }
}

function remember(titles) {
  try {
    localStorage.setItem(KEY, JSON.stringify(titles));
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

function hide() {
  const hidden = [...choice.querySelectorAll("input")].filter((box) => !box.checked);
  table.dataset.hide = hidden.map((box) => box.value).join(" ");
  remember(hidden.map((box) => box.dataset.title));
}

if (choice && table) {
  const titles = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const chosen = remembered();
  if (chosen) table.dataset.hide = titles.flatMap((title, at) => (chosen.includes(title) ? [at + 1] : [])).join(" ");
  const hidden = new Set(table.dataset.hide.split(" "));
  titles.forEach((title, at) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = String(at + 1);
    box.dataset.title = title;
    box.checked = !hidden.has(box.value);
    box.addEventListener("change", hide);
    label.append(box, ` ${title}`);
    choice.querySelector("fieldset").append(label);
  });
  choice.hidden = false;
}
