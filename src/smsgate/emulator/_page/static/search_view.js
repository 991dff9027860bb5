// Results of a search over messages, webhook deliveries and requests.

import { get } from "./api.js";
import { summary, typeName } from "./bubble.js";
import { foreign, h, icon, identity } from "./dom.js";
import { plural, shortTime } from "./formats.js";
import { ListDetailView, itemRow } from "./list_view.js";
import { link } from "./router.js";
import { deliveryLabel, stateLabel, statusLabel } from "./states.js";
import { store } from "./store.js";

const WAIT = 120; // milliseconds after the last key, before the emulator is asked
const LIMIT = 200;
const SHOWN = 200;
const KINDS = [["", "Everything"], ["message", "Messages"], ["delivery", "Webhooks"], ["request", "Requests"]];

/** Split what somebody typed into words, all of which must be found. */
export const wordsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

/** Return the part of a text around the first found word. */
function excerpt(text, words) {
  const flat = text.replace(/\s+/g, " ");
  const lower = flat.toLowerCase();
  const start = Math.max(0, Math.min(...words.map((word) => lower.indexOf(word)).filter((index) => index >= 0).concat(Infinity)) - 40);
  return start > 0 && Number.isFinite(start) ? `…${flat.slice(start, start + SHOWN)}` : flat.slice(0, SHOWN);
}

export class SearchView extends ListDetailView {
  constructor() {
    super({ view: "search", title: "Search", estimate: 64, classes: ".results" });
    this.detail.remove();
    this.kind = "";
    this.query = "";
    this.words = [];
    this.remote = [[], []];
    this.tabs = KINDS.map(([kind, name]) => h("button", { type: "button", "aria-pressed": "false", class: "button", onclick: () => this.choose(kind) }, name));
    this.tools.append(this.tabs[0], this.tabs[1], this.tabs[2], this.tabs[3]);
    this.tools.hidden = false;
    this.summary = h("p.visually-hidden", { role: "status" });
    this.tools.after(this.summary);
  }

  keyOf(result) {
    return result.key;
  }

  versionOf(result) {
    return `${result.version}|${this.query}`;
  }

  choose(kind) {
    this.kind = kind;
    this.showList();
  }

  open(route) {
    const query = route.query.get("q") ?? "";
    if (query !== this.query) {
      this.query = query;
      this.words = wordsOf(query);
      this.remote = [[], []];
      clearTimeout(this.timer);
      if (this.words.length) this.timer = setTimeout(() => this.ask(query), WAIT);
      this.scroller.scrollTop = 0;
    }
    this.showList();
  }

  refresh(topics) {
    if (topics.has("messages")) this.showList();
  }

  /** Search deliveries and requests, whose bodies only the emulator has. */
  async ask(query) {
    const search = this.words.map((word) => `search=${encodeURIComponent(word)}`).join("&");
    const ask = (path, kind) => get(`${path}?${search}&limit=${LIMIT}`)
      .then(({ items }) => items.map((item) => ({ kind, item, key: `${kind}${item.id}`, version: item.id })));
    try {
      const found = await Promise.all([ask("/deliveries", "delivery"), ask("/requests", "request")]);
      if (query !== this.query) return;
      this.remote = found;
      this.showList();
    } catch { /* shown by the banner */ }
  }

  /** Return messages of the store as they are, because they may be many, and wrapped deliveries and requests. */
  items() {
    const groups = [store.search(this.words), ...this.remote];
    const counts = groups.map((group) => group.length);
    [counts[0] + counts[1] + counts[2], ...counts].forEach((count, index) => {
      this.tabs[index].textContent = `${KINDS[index][1]} ${count.toLocaleString()}`;
      this.tabs[index].setAttribute("aria-pressed", String(KINDS[index][0] === this.kind));
    });
    const chosen = KINDS.findIndex(([kind]) => kind === this.kind) - 1;
    const shown = chosen < 0 ? groups.flat() : groups[chosen];
    this.summary.textContent = this.words.length ? `${plural(shown.length, "result")} for ${this.query}` : "";
    return shown;
  }

  renderRow(result) {
    if (!result.item) return this.messageRow(result);
    const { item } = result;
    const now = store.state.clock.now;
    if (result.kind === "delivery") {
      return itemRow(link("webhooks", item.id), false, "", h("span.line", {}, kindPill("Webhook"), h("span.grow", {}, identity(item.event, this.words)), deliveryLabel(item), h("time", {}, shortTime(item.createdAt, now))),
        h("span.line.second", {}, h("span.grow", {}, identity(item.url, this.words))));
    }
    return itemRow(link("requests", item.id), false, "", h("span.line", {}, kindPill("Request"), h("span.grow.mono", {}, `${item.method} `, identity(item.path + (item.query ? `?${item.query}` : ""), this.words)), statusLabel(item.status), h("time", {}, shortTime(item.at, now))));
  }

  messageRow(message) {
    const number = message.numbers.find((one) => this.words.some((word) => one.toLowerCase().includes(word))) ?? message.numbers[0];
    const names = message.numbers.length > 1 ? ` and ${message.numbers.length - 1} more` : "";
    return itemRow(link("messages", number, { message: message.key, q: this.query }), false, "",
      h("span.line", {}, kindPill(message.outgoing ? "Outgoing" : `Incoming ${typeName(message.type)}`), h("span.grow", {}, identity(number, this.words), names),
        message.outgoing ? stateLabel(message.state) : null, h("time", {}, shortTime(message.time, store.state.clock.now))),
      h("span.line.second", {}, h("span.grow", {}, foreign(excerpt(summary(message), this.words), this.words))));
  }

  renderEmptyList() {
    const text = this.words.length ? "Nothing was found. All words must occur in a text, a number, an id, a state or an error." : "Type words, a part of a number, an id or a state.";
    return h("div.empty", {}, icon("search"), h("p", {}, text));
  }

  back() {
    return false;
  }
}

function kindPill(name) {
  return h("span.pill.result-kind", {}, name);
}
