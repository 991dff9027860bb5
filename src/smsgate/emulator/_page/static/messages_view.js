// Conversations, and the messages of the chosen one.

import { call } from "./api.js";
import { bubble, summary } from "./bubble.js";
import { compose } from "./compose.js";
import { connectionHelp } from "./connect_view.js";
import { fill, foreign, h, icon, iconButton, toast, visible } from "./dom.js";
import { dayOf, plural, shortTime } from "./formats.js";
import { ListDetailView, itemRow } from "./list_view.js";
import { link } from "./router.js";
import { stateLabel } from "./states.js";
import { store } from "./store.js";
import { VirtualList } from "./virtual_list.js";

const SHOWN = 160; // characters of a message in the list
const LONGEST_NAME = 60;

const isCiphertext = (number) => number.startsWith("$aes-");

/** Return a number as a heading; ciphertext in place of a number is shortened. */
function peerName(number) {
  if (isCiphertext(number)) return h("bdi", {}, `Encrypted number …${visible(number).slice(-8)}`);
  const text = visible(number);
  return h("bdi", {}, text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME)}…` : text || "(no number)");
}

export class MessagesView extends ListDetailView {
  constructor() {
    super({ view: "messages", title: "Messages", estimate: 62 });
    this.device = h("select", { "aria-label": "Device", onchange: () => this.showList() });
    this.unreadOnly = h("input", { type: "checkbox", onchange: () => this.showList() });
    this.tools.append(this.device, h("label.switch.small", {}, this.unreadOnly, "Unread"));
    this.actions.append(iconButton("check-all", "Mark all as read", () => store.markRead(store.orderedConversations())));
    this.thread = null;
  }

  keyOf(conversation) {
    return conversation.number;
  }

  items() {
    this.tools.hidden = !store.messages.size;
    const conversations = store.orderedConversations();
    const device = this.device.value;
    if (!device && !this.unreadOnly.checked) return conversations;
    return conversations.filter((conversation) => (!device || conversation.messages.some((message) => message.deviceId === device))
      && (!this.unreadOnly.checked || store.unread(conversation) || conversation.number === this.selected));
  }

  renderRow(conversation, isCurrent) {
    const last = conversation.messages[conversation.messages.length - 1];
    const unread = store.unread(conversation);
    const own = last.recipientStates?.find((recipient) => recipient.phoneNumber === conversation.number);
    const isFailed = (own?.state ?? last.state) === "Failed";
    return itemRow(link("messages", conversation.number), isCurrent, `.conversation${unread ? ".unread" : ""}`,
      h("span.line", {}, h("span.grow.peer", {}, peerName(conversation.number)),
        h("time", { datetime: new Date(last.time).toISOString() }, shortTime(last.time, store.state.clock.now))),
      h("span.line.second", {},
        last.outgoing ? stateIcon(own?.state ?? last.state) : null,
        h(`span.grow${isFailed ? ".failed" : ""}`, {}, foreign(summary(last).slice(0, SHOWN).replace(/\s+/g, " "))),
        unread ? h("b.badge", { "aria-label": plural(unread, "unread message") }, unread) : null));
  }

  renderEmptyList() {
    if (store.loading) return h("p.empty", {}, "Loading…");
    const isFiltered = this.device.value || this.unreadOnly.checked;
    if (isFiltered) return h("p.empty", {}, "No conversation meets the filter above.");
    return [h("div.empty", {}, icon("messages"), h("h2", {}, "No messages yet"), h("p", {}, "What your program sends appears here at once."),
      h("button.button", { type: "button", onclick: () => compose() }, "Let a message come in")), h("div.page.only-narrow", {}, connectionHelp())];
  }

  showDetail(route, changed) {
    const conversation = store.conversations.get(route.id);
    if (!route.id || (!conversation && !store.loading)) {
      this.thread = null;
      fill(this.detail, route.id ? this.missing() : this.invitation());
      return;
    }
    if (!conversation) return;
    if (!this.thread || changed) {
      this.thread = new Thread(route.id, this.backButton());
      fill(this.detail, this.thread.elements);
    }
    this.thread.show(conversation, route, changed);
    if (!document.hidden) store.markRead([conversation]);
  }

  missing() {
    return h("div.empty", {}, h("p", {}, "There is no conversation with this number."), h("p", {}, h("a", { href: link("messages") }, "All messages")));
  }

  invitation() {
    if (store.messages.size) return h("div.empty", {}, icon("messages"), h("p", {}, "Choose a conversation. j and k move in the list, Enter opens."));
    return h("div.scroller", {}, h("div.page", {}, connectionHelp()));
  }

  refresh(topics, route) {
    if (topics.has("state")) this.fillDevices();
    if (topics.has("messages") || topics.has("state")) {
      this.showList();
      this.showDetail(route, false);
    }
  }

  fillDevices() {
    const devices = store.state.devices;
    this.device.hidden = devices.length < 2;
    const signature = devices.map((device) => device.id + device.name).join();
    if (signature === this.signature) return;
    this.signature = signature;
    const chosen = this.device.value;
    fill(this.device, h("option", { value: "" }, "All devices"), devices.map((device) => h("option", { value: device.id }, visible(device.name))));
    this.device.value = devices.some((device) => device.id === chosen) ? chosen : "";
  }
}

function stateIcon(state) {
  const label = stateLabel(state);
  label.replaceChildren(label.firstChild, h("span.visually-hidden", {}, state));
  return label;
}

/** Messages of one conversation, with a field in which one writes as the other side. */
class Thread {
  constructor(number, backButton) {
    this.number = number;
    this.opened = new Set();
    this.dayStarts = new Set();
    this.shown = "";
    this.words = [];
    this.list = h("div.thread", { role: "list", "aria-label": "Messages of this conversation" });
    this.scroller = h("div.scroller", { tabindex: "0", "aria-label": "Conversation", role: "region" }, this.list);
    this.count = h("span.count", {});
    const title = h("h1", {}, peerName(number), " ", this.count);
    const more = iconButton("attach", "Incoming data SMS or MMS from this number", () => compose({ sender: number }));
    const isKnown = !isCiphertext(number); // nobody can reply as an encrypted number
    this.elements = [h("div.pane-head", {}, backButton, title, isKnown ? more : null), this.scroller, isKnown ? this.composer() : null];
    this.rows = new VirtualList(this.scroller, this.list, {
      key: (message) => message.key,
      version: (message) => `${message.version}|${this.opened.has(message.key)}|${this.dayStarts.has(message.key)}|${this.shown === message.key}|${this.words}`,
      render: (message) => this.renderMessage(message),
      estimate: 78,
      followEnd: true,
    });
  }

  show(conversation, route, changed) {
    const target = route.query.get("message") ?? "";
    const isOther = changed || target !== this.shown;
    this.conversation = conversation;
    this.shown = target;
    this.words = (route.query.get("q") ?? "").split(/\s+/).filter(Boolean);
    this.count.textContent = plural(conversation.messages.length, "message");
    this.findDays();
    this.rows.setItems(conversation.messages);
    if (isOther && target) this.rows.reveal(target);
    else if (isOther) requestAnimationFrame(() => this.rows.scrollToEnd());
  }

  findDays() {
    this.dayStarts.clear();
    let before = "";
    for (const message of this.conversation.messages) {
      message.day = message.day ?? new Date(message.time).toDateString();
      if (message.day !== before) this.dayStarts.add(message.key);
      before = message.day;
    }
  }

  renderMessage(message) {
    const onToggle = () => {
      if (!this.opened.delete(message.key)) this.opened.add(message.key);
      this.rows.setItems(this.conversation.messages);
      this.rows.rows.get(message.key)?.element.querySelector(".toggle").focus({ preventScroll: true });
    };
    const options = { number: this.number, isOpen: this.opened.has(message.key), isShown: this.shown === message.key, words: this.words, onToggle };
    return h(`div.bubble-row${message.outgoing ? ".out" : ".in"}`, { role: "listitem" },
      this.dayStarts.has(message.key) ? h("p.day", {}, dayOf(message.time)) : null, bubble(message, options));
  }

  composer() {
    const field = h("textarea", { rows: "1", "aria-label": `Reply as ${visible(this.number)}`, placeholder: `Reply as ${visible(this.number).slice(0, LONGEST_NAME)}` });
    const send = async () => {
      const text = field.value;
      if (!text.trim()) return;
      const { deviceId } = this.conversation.messages[this.conversation.messages.length - 1];
      field.value = "";
      try {
        await call("POST", "/receive", { sender: this.number, text, ...(deviceId ? { deviceId } : {}) });
        this.rows.scrollToEnd();
      } catch (error) {
        field.value = text;
        toast(error.message, "error");
      }
    };
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      send();
    });
    const onsubmit = (event) => {
      event.preventDefault();
      send();
    };
    return h("form.composer", { onsubmit }, field, h("button.button", { type: "submit", "aria-label": "Send as the other side" }, icon("send")));
  }
}
