// Headers and bodies of requests and responses.

import { codeBlock, h, identity } from "./dom.js";
import { pretty } from "./formats.js";

const LONGEST = 100_000; // characters that are shown
const SIGNATURE = new Set(["x-signature", "x-timestamp"]);

/** Return a table of headers, which come as pairs or as an object. */
export function headerTable(headers, name) {
  const pairs = Array.isArray(headers) ? headers : Object.entries(headers ?? {});
  if (!pairs.length) return h("p.quiet", {}, "No headers");
  return h("table.headers", { "aria-label": name }, h("tbody", {}, pairs.map(([header, value]) => h(
    `tr${SIGNATURE.has(header.toLowerCase()) ? ".signature" : ""}`, {}, h("th", { scope: "row" }, identity(header)), h("td", {}, identity(value))))));
}

/** Return a body, JSON with line breaks. */
export function bodyBlock(body, name) {
  const text = pretty(body);
  if (!text) return h("p.quiet", {}, "No body");
  return codeBlock(text.length > LONGEST ? `${text.slice(0, LONGEST)}\n…` : text, name);
}

/** Return a section of details that can be folded. */
export function folded(title, isOpen, ...children) {
  return h("details", { open: isOpen }, h("summary", {}, title), children);
}
