// Start of the page: views, search field, connection, announcements.

import { compose } from "./compose.js";
import { ConnectView } from "./connect_view.js";
import { DevicesView } from "./devices_view.js";
import { showKeys } from "./dialogs.js";
import { fill, h, icon, toast, visible } from "./dom.js";
import { summary } from "./bubble.js";
import { installKeys } from "./keyboard.js";
import { MessagesView } from "./messages_view.js";
import { RequestsView } from "./requests_view.js";
import { current, go, link } from "./router.js";
import { SearchView } from "./search_view.js";
import { store } from "./store.js";
import { WebhooksView } from "./webhooks_view.js";

const VIEWS = { messages: MessagesView, webhooks: WebhooksView, requests: RequestsView, devices: DevicesView, connect: ConnectView, search: SearchView };
const TITLES = { messages: "Messages", webhooks: "Webhooks", requests: "Requests", devices: "Devices", connect: "Connect", search: "Search" };
const ANNOUNCE_AFTER = 1000;
const SPOKEN = 120; // characters of an announced message
const BANNER_AFTER = 700;
const THEME_ICONS = { system: "auto", light: "sun", dark: "moon" };

const element = (id) => document.getElementById(id);
const built = {};
let shown = null;
let beforeSearch = link("messages");

function viewOf(name) {
  if (!built[name]) {
    built[name] = new VIEWS[name]();
    element("main").append(built[name].element);
  }
  return built[name];
}

/** Show what the URL says. */
function route() {
  if (!store.state) return;
  const now = current();
  const name = now.view in VIEWS ? now.view : "messages";
  const view = viewOf(name);
  if (view !== shown) {
    if (shown) shown.element.hidden = true;
    view.element.hidden = false;
    shown = view;
    const all = new Set(["state", "messages", "deliveries", "requests"]);
    view.refresh(all, now);
  }
  for (const anchor of document.querySelectorAll(".views a")) {
    if (anchor.dataset.view === name) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
  if (name === "search") element("search").value = now.query.get("q") ?? "";
  else beforeSearch = location.hash || link("messages");
  view.open(now);
  showTitle();
}

function showTitle() {
  const unread = unreadCount();
  const name = TITLES[current().view] ?? TITLES.messages;
  document.title = `${unread ? `(${unread}) ` : ""}${name} · SMSGate emulator`;
}

function unreadCount() {
  let count = 0;
  for (const conversation of store.conversations.values()) if (store.unread(conversation)) count += 1;
  return count;
}

// -- what changes by itself

function showBadges() {
  const badge = (view, count, kind = "") => {
    const mark = document.querySelector(`.views a[data-view="${view}"] .badge`);
    mark.hidden = !count;
    mark.className = `badge ${kind}`;
    mark.textContent = count > 99 ? "99+" : count || "";
  };
  badge("messages", unreadCount());
  badge("webhooks", store.state.counts.deliveries.waiting);
  const troubles = store.state.devices.filter((device) => !device.online || !device.on).length + (store.state.outage.active ? 1 : 0) + store.state.faults.length;
  badge("devices", troubles, "bad");
}

let bannerTimer = 0;

function showConnection() {
  const place = element("connection");
  place.className = `connection ${store.connected ? "up" : "down"}`;
  place.lastElementChild.textContent = store.connected ? "Live" : "Offline";
  clearTimeout(bannerTimer);
  if (store.connected) showBanner();
  else bannerTimer = setTimeout(showBanner, BANNER_AFTER);
}

/** Tell that the connection is lost, or that the emulator cannot keep its state. */
function showBanner() {
  const banner = element("banner");
  const problem = store.state?.dataProblem;
  banner.hidden = store.connected && !problem;
  if (banner.hidden) return;
  const retry = h("button.button", { type: "button", onclick: () => store.stream.connect() }, "Try now");
  if (store.connected) fill(banner, h("span", {}, `A restart would lose what happens now. ${problem}`));
  else fill(banner, h("span", {}, "The connection to the emulator is lost. The page connects again as soon as it runs."), retry);
}

let announceTimer = 0;

/** Tell screen readers about new messages, at most once a second. */
function announce() {
  if (announceTimer) return;
  announceTimer = setTimeout(() => {
    announceTimer = 0;
    const arrived = store.takeArrived();
    if (!arrived.length) return;
    const [first] = arrived;
    const text = `${first.outgoing ? "Message to" : "Message from"} ${visible(first.numbers[0] ?? "")}: ${summary(first).slice(0, SPOKEN)}`;
    fill(element("live"), h("p", {}, arrived.length > 1 ? `${arrived.length} new messages` : text));
  }, ANNOUNCE_AFTER);
}

store.subscribe((topics) => {
  if (topics.has("connection")) showConnection();
  if (!store.state) return;
  if (!shown) route();
  else shown.refresh(topics, current());
  if (topics.has("messages")) announce();
  if (topics.has("state") && store.connected) showBanner();
  if (topics.has("messages") || topics.has("state")) {
    showBadges();
    showTitle();
  }
});

// -- search, theme, buttons

function search() {
  const text = element("search").value;
  if (!text.trim()) {
    if (current().view === "search") go(beforeSearch, true);
    return;
  }
  go(link("search", "", { q: text }), current().view === "search");
}

function leaveSearch() {
  element("search").value = "";
  element("search").blur();
  if (current().view === "search") go(beforeSearch);
}

function showTheme() {
  const { chosen } = globalThis.theme;
  const button = element("theme");
  fill(button, icon(THEME_ICONS[chosen]));
  button.setAttribute("aria-label", `Theme: ${chosen}`);
  button.title = `Theme: ${chosen} (t)`;
}

function changeTheme() {
  toast(`Theme: ${globalThis.theme.next()}`);
  showTheme();
}

element("search").addEventListener("input", search);
element("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  shown?.move?.(1);
});
element("compose").addEventListener("click", () => compose());
element("theme").addEventListener("click", changeTheme);
element("help").addEventListener("click", showKeys);
element("skip").addEventListener("click", () => element("main").focus());
addEventListener("hashchange", route);
document.addEventListener("visibilitychange", () => { if (!document.hidden) route(); });

installKeys({ view: () => shown ?? {}, goTo: (name) => go(link(name)), leaveSearch, changeTheme });
showTheme();
store.start();
