// Construction of elements. Texts become text nodes, so no message can bring markup into the page.

/**
 * Create an element.
 *
 * @param {string} tag - such as "div", or "div.row.unread" with classes.
 * @param {Object} [attributes] - attributes; functions are event handlers ({onclick}), booleans switch an attribute,
 *   undefined and null are left out.
 * @param {...(Node|string|number|Array|null)} children - strings become text nodes.
 */
export function h(tag, attributes, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Replace the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Return an icon of the sprite in the page. It is decoration: give its button a label. */
export function icon(name) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("class", "icon");
  picture.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  picture.append(use);
  return picture;
}

/** Return a button with an icon only. */
export function iconButton(name, label, onclick, attributes = {}) {
  return h("button.icon-button", { type: "button", "aria-label": label, title: label, onclick, ...attributes }, icon(name));
}

const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Return a text in which control and invisible characters show as their code point, for numbers, names and URLs. */
export function visible(text) {
  return String(text).replace(INVISIBLE, (mark) => `‹U+${mark.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}›`);
}

/** Return foreign text that cannot change the direction of what surrounds it; `words` are highlighted. */
export function foreign(text, words = []) {
  return h("bdi", {}, words.length ? highlighted(String(text), words) : String(text));
}

/** Return a number, name or URL from outside. */
export function identity(text, words = []) {
  return foreign(visible(text), words);
}

/** Return the pieces of a text with every found word inside <mark>. */
export function highlighted(text, words) {
  const pattern = new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "gi");
  const pieces = [];
  let end = 0;
  for (const found of text.matchAll(pattern)) {
    if (!found[0]) continue;
    pieces.push(text.slice(end, found.index), h("mark", {}, found[0]));
    end = found.index + found[0].length;
  }
  pieces.push(text.slice(end));
  return pieces;
}

/** Return a definition list of [label, value] pairs; pairs without a value are left out. */
export function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl.facts", {}, rows.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
}

let messageTimer = 0;

/** Show a short message for some seconds, also to screen readers. */
export function toast(text, kind = "info") {
  const place = document.getElementById("toast");
  place.textContent = text;
  place.dataset.kind = kind;
  place.hidden = false;
  clearTimeout(messageTimer);
  messageTimer = setTimeout(() => { place.hidden = true; }, kind === "error" ? 8000 : 3000);
}

/** Copy a text to the clipboard, also where the page is not served from localhost. */
export async function copy(text, what) {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else copyWithSelection(text);
    toast(`${what} copied`);
  } catch {
    toast("The browser did not allow copying", "error");
  }
}

function copyWithSelection(text) {
  const area = h("textarea.visually-hidden", { readonly: true });
  area.value = text;
  (document.querySelector("dialog[open]") || document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** Return a button that copies a text; `text` may be a function. */
export function copyButton(text, what) {
  return iconButton("copy", `Copy ${what}`, () => copy(typeof text === "function" ? text() : text, what));
}

/** Return a block of code with a copy button. */
export function codeBlock(text, what) {
  return h("div.code", {}, h("pre", { tabindex: "0", "aria-label": what }, h("code", {}, text)), copyButton(text, what));
}
