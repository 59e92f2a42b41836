// Brings a piece of the page to what the server says now, touching only what differs: focus, selection, open
// details and scrolling stay as they are, and nothing flickers.

/** Make the children of `old` like those of `fresh`. Elements with data-key are matched by it. */
export function patchChildren(old, fresh) {
  const keyed = new Map();
  for (const child of old.children) if (child.dataset.key) keyed.set(child.dataset.key, child);
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const known = wanted.nodeType === Node.ELEMENT_NODE && keyed.get(wanted.dataset.key);
    if (known && known !== at) old.insertBefore(known, at);
    const mine = known || at;
    if (mine && isAlike(mine, wanted)) {
      at = mine.nextSibling;
      patchNode(mine, wanted);
    } else {
      old.insertBefore(wanted, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function isAlike(mine, wanted) {
  if (mine.nodeType !== wanted.nodeType || mine.nodeName !== wanted.nodeName) return false;
  return mine.nodeType !== Node.ELEMENT_NODE || mine.dataset.key === wanted.dataset.key;
}

function patchNode(mine, wanted) {
  if (mine.nodeType !== Node.ELEMENT_NODE) {
    if (mine.nodeValue !== wanted.nodeValue) mine.nodeValue = wanted.nodeValue;
    return;
  }
  // Whether details are open is the reader's to say.
  for (const { name, value } of wanted.attributes) {
    if (name !== "open" && mine.getAttribute(name) !== value) mine.setAttribute(name, value);
  }
  for (const { name } of [...mine.attributes]) {
    if (!wanted.hasAttribute(name) && name !== "open") mine.removeAttribute(name);
  }
  patchChildren(mine, wanted);
}
