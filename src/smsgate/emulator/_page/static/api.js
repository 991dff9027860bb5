// Requests to the emulator's control API, and its stream of events.

const BASE = "/_emulator";
const PAGE = 1000;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5000;

/** Send a control request and return its JSON; throws an Error with the emulator's message. */
export async function call(method, path, body) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(BASE + path, options);
  } catch {
    throw new Error("The emulator does not respond.");
  }
  const document = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new Error(document?.message ?? `The emulator responded with status ${response.status}.`);
  return document;
}

export const get = (path) => call("GET", path);

/** Load a whole list, newest first, page by page. New items meanwhile make some arrive twice, and none is left out. */
export async function loadAll(path, onPage, isCurrent) {
  for (let offset = 0; ; offset += PAGE) {
    const page = await get(`${path}?offset=${offset}&limit=${PAGE}`);
    if (!isCurrent()) return;
    onPage(page.items);
    if (offset + PAGE >= page.total || !page.items.length) return;
  }
}

/**
 * Events of the emulator. After a lost connection it connects again by itself and continues after the last event.
 */
export class EventStream {
  /**
   * @param {string[]} types - the types of events to take.
   * @param {function(string, Object)} onEvent - called with type and data.
   * @param {function(boolean)} onConnection - called with whether the stream is connected.
   */
  constructor(types, onEvent, onConnection) {
    Object.assign(this, { types, onEvent, onConnection });
    this.lastId = "";
    this.pause = FIRST_PAUSE;
    addEventListener("online", () => this.connect());
  }

  connect() {
    clearTimeout(this.timer);
    this.source?.close();
    const after = this.lastId ? `?lastEventId=${encodeURIComponent(this.lastId)}` : "";
    const source = new EventSource(`${BASE}/events${after}`);
    this.source = source;
    source.onopen = () => {
      this.pause = FIRST_PAUSE;
      this.onConnection(true);
    };
    source.onerror = () => {
      source.close();
      this.onConnection(false);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.connect(), this.pause);
      this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
    };
    for (const type of this.types) {
      source.addEventListener(type, (event) => {
        this.lastId = event.lastEventId || this.lastId;
        this.onEvent(type, event.data ? JSON.parse(event.data) : null);
      });
    }
  }
}
