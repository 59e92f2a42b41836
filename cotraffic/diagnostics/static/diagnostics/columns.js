// Lets the viewer choose the columns of the table of clicks; this browser remembers them.

const KEY = "columns:clicks";
const choice = document.getElementById("column-choice");
const table = document.querySelector("table.clicks");

/** The numbers of the columns that are hidden, counted from 1, as words; null if nobody has chosen. */
function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(hidden) {
  try {
    localStorage.setItem(KEY, hidden);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

function hide() {
  const boxes = [...choice.querySelectorAll("input")];
  table.dataset.hide = boxes.filter((box) => !box.checked).map((box) => box.value).join(" ");
  remember(table.dataset.hide);
}

if (choice && table) {
  table.dataset.hide = remembered() ?? table.dataset.hide;
  const hidden = new Set(table.dataset.hide.split(" "));
  [...table.tHead.rows[0].cells].forEach((cell, at) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = String(at + 1);
    box.checked = !hidden.has(box.value);
    box.addEventListener("change", hide);
    label.append(box, ` ${cell.textContent}`);
    choice.querySelector("fieldset").append(label);
  });
  choice.hidden = false;
}
