// What the page shows, kept in the hash of its URL: #/messages/+12025550101?message=o17

const DEFAULT_VIEW = "messages";

/** Return `{view, id, query}` of a hash. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = path.split("/");
  return { view: view || DEFAULT_VIEW, id: rest.length ? decode(rest.join("/")) : "", query: new URLSearchParams(query) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Return the hash of a view, of one of its items, with parameters; empty ones are left out. */
export function link(view, id = "", query = {}) {
  const given = Object.entries(query).filter(([, value]) => value);
  const parameters = given.length ? `?${new URLSearchParams(given)}` : "";
  return `#/${view}${id === "" ? "" : `/${encodeURIComponent(id)}`}${parameters}`;
}

export const current = () => parse(location.hash);

/** Go to a hash; with `replace` the browser's way back does not lead here. */
export function go(hash, replace = false) {
  if (replace) history.replaceState(null, "", hash);
  else location.hash = hash;
  if (replace) dispatchEvent(new HashChangeEvent("hashchange"));
}
