// Everything that the page knows of the emulator: loaded once, then kept up to date by events.

import { EventStream, get, loadAll } from "./api.js";
import { ReadMarks } from "./read_marks.js";

const FLUSH_AFTER = 16; // milliseconds: a timer, because hidden pages get no animation frames
const LONGEST_PAUSE = 1000;
const SHARE = 4; // a view that takes long to show changes shows fewer of them: it has four times as long between them
const SHORTEST_PART_OF_ID = 5;
const KINDS = { message: "outgoing", incoming: "incoming" };

/**
 * Return a message as the views use it: with a key, its numbers, a time, a version, and an order among messages of the
 * same millisecond. Lists are loaded newest first, events come oldest first.
 */
function entry(message, version, isNews) {
  const outgoing = message.kind === "outgoing";
  return {
    ...message,
    outgoing,
    version,
    order: isNews ? version : -version,
    key: outgoing ? `o${message.serial}` : `i${message.deviceId ?? ""}.${message.id}`,
    numbers: outgoing ? [...new Set(message.recipients)] : [message.sender],
    time: Date.parse(outgoing ? message.createdAt : message.receivedAt),
  };
}

/** Return the text in which a search looks for words. */
function haystack(message) {
  if (!message.haystack) {
    const states = (message.recipientStates ?? []).map((recipient) => `${recipient.state} ${recipient.error ?? ""}`);
    const files = (message.attachments ?? []).map((attachment) => attachment.name);
    const parts = [message.text ?? "", message.subject ?? "", message.data ?? "", ...message.numbers, message.state ?? message.type, ...states, ...files];
    message.haystack = parts.join("\n").toLowerCase();
  }
  return message.haystack;
}

/** Return whether a message has a word; ids contain every short word by chance. */
function hasWord(message, word) {
  return haystack(message).includes(word) || (word.length >= SHORTEST_PART_OF_ID && message.id.toLowerCase().includes(word));
}

const byTime = (one, other) => one.time - other.time || one.order - other.order;

class Store {
  constructor() {
    this.listeners = [];
    this.changedTopics = new Set();
    this.pause = FLUSH_AFTER;
    this.state = null;
    this.connected = false;
    this.loading = true;
    this.generation = 0;
    this.clear();
    const types = ["message", "incoming", "delivery", "request", "state", "reset"];
    this.stream = new EventStream(types, (type, data) => this.onEvent(type, data), (up) => this.onConnection(up));
  }

  clear() {
    this.messages = new Map();
    this.conversations = new Map();
    this.deliveries = new Map();
    this.requests = new Map();
    this.versions = 0;
    this.ordered = null;
    this.timeline = null;
  }

  /** Call a function with the set of changed topics: messages, deliveries, requests, state, connection, arrival. */
  subscribe(listener) {
    this.listeners.push(listener);
  }

  changed(...topics) {
    topics.forEach((topic) => this.changedTopics.add(topic));
    if (this.flushTimer) return;
    this.flushTimer = setTimeout(() => {
      const start = performance.now();
      const changes = this.changedTopics;
      this.flushTimer = 0;
      this.changedTopics = new Set();
      this.listeners.forEach((listener) => listener(changes));
      this.pause = Math.min(Math.max(FLUSH_AFTER, SHARE * (performance.now() - start)), LONGEST_PAUSE);
    }, this.pause);
  }

  // -- loading

  start() {
    this.stream.connect();
    return this.load();
  }

  async load() {
    this.generation += 1;
    const generation = this.generation;
    const isCurrent = () => generation === this.generation;
    this.clear();
    this.loading = true;
    this.isIncomplete = false;
    try {
      this.setState(await get("/state"));
      await loadAll("/incoming", (items) => this.addMessages(items, false), isCurrent);
      await loadAll("/messages", (items) => this.addMessages(items, false), isCurrent);
      if (!isCurrent()) return;
      this.loading = false;
      this.marks.limitTo(this.conversations);
      this.changed("messages");
      await loadAll("/deliveries", (items) => this.addListed("deliveries", items, false), isCurrent);
      await loadAll("/requests", (items) => this.addListed("requests", items, false), isCurrent);
    } catch {
      this.isIncomplete = isCurrent();
    }
  }

  setState(state) {
    this.state = state;
    this.stateAt = Date.now();
    this.marks = this.marks?.instance === state.instance ? this.marks : new ReadMarks(state.instance);
    this.changed("state");
  }

  onEvent(type, data) {
    if (type === "reset") {
      this.load();
    } else if (type === "state") {
      this.setState(data);
    } else if (type in KINDS) {
      this.addMessages([data], true);
    } else {
      this.addListed(type === "delivery" ? "deliveries" : "requests", [data], true);
    }
  }

  onConnection(up) {
    this.connected = up;
    if (up && this.isIncomplete) this.load();
    this.changed("connection");
  }

  // -- messages

  /** Take over messages. Those of a loaded page never replace what an event brought meanwhile. */
  addMessages(items, isNews) {
    const touched = new Set();
    for (const item of items) {
      this.versions += 1;
      const message = entry(item, this.versions, isNews);
      const known = this.messages.get(message.key);
      if (known && !isNews) continue;
      if (known) {
        Object.assign(known, message, { haystack: null, order: known.order });
      } else {
        this.messages.set(message.key, message);
        this.timeline = null;
        message.numbers.forEach((number) => touched.add(this.conversation(number, message)));
        if (isNews) this.arrived = [...(this.arrived ?? []), message];
      }
      message.numbers.forEach((number) => { this.conversations.get(number).version = this.versions; });
    }
    for (const conversation of touched) conversation.messages.sort(byTime);
    if (touched.size) this.ordered = null;
    this.changed("messages");
  }

  conversation(number, message) {
    if (!this.conversations.has(number)) this.conversations.set(number, { number, messages: [], version: 0 });
    const conversation = this.conversations.get(number);
    conversation.messages.push(message);
    return conversation;
  }

  /** Return the conversations, the most recent first. */
  orderedConversations() {
    if (!this.ordered) {
      const last = (conversation) => conversation.messages[conversation.messages.length - 1];
      this.ordered = [...this.conversations.values()].sort((one, other) => byTime(last(other), last(one)));
    }
    return this.ordered;
  }

  /** Return all messages, the most recent first. */
  allMessages() {
    this.timeline = this.timeline ?? [...this.messages.values()].sort((one, other) => byTime(other, one));
    return this.timeline;
  }

  /** Return the messages that contain all words, the most recent first. */
  search(words) {
    if (!words.length) return [];
    return this.allMessages().filter((message) => words.every((word) => hasWord(message, word)));
  }

  /** Return and forget the messages that arrived since the last call. */
  takeArrived() {
    const arrived = this.arrived ?? [];
    this.arrived = [];
    return arrived;
  }

  // -- unread messages

  unread(conversation) {
    return Math.max(0, conversation.messages.length - (this.marks?.seen(conversation.number) ?? 0));
  }

  markRead(conversations) {
    const unread = conversations.filter((conversation) => this.unread(conversation));
    for (const conversation of unread) {
      this.versions += 1;
      conversation.version = this.versions;
      this.marks?.see(conversation.number, conversation.messages.length);
    }
    if (unread.length) this.changed("messages");
  }

  // -- deliveries and requests

  addListed(name, items, isNews) {
    const map = this[name];
    for (const item of items) {
      this.versions += 1;
      if (!map.has(item.id) || isNews) map.set(item.id, { ...item, version: this.versions });
    }
    this.changed(name);
  }

  /** Return deliveries or requests, the most recent first. */
  listed(name) {
    const time = name === "requests" ? (item) => item.id : (item) => Date.parse(item.createdAt);
    return [...this[name].values()].sort((one, other) => time(other) - time(one));
  }

  removeRequests() {
    this.requests.clear();
    this.changed("requests");
  }

  // -- devices

  deviceName(id) {
    return this.state?.devices.find((device) => device.id === id)?.name ?? id ?? "";
  }
}

export const store = new Store();
