// One message of a conversation, with its states and details.

import { call, get } from "./api.js";
import { copyButton, facts, fill, foreign, h, highlighted, icon, identity, toast } from "./dom.js";
import { byteSize, bytesOf, exactDate, fullTime, hexadecimal, plural, timeOfDay } from "./formats.js";
import { link } from "./router.js";
import { deliveryLabel, stateLabel } from "./states.js";
import { store } from "./store.js";

const CUT_ABOVE = 3000; // characters
const ORDER = ["Pending", "Cancelling", "Cancelled", "Processed", "Sent", "Delivered", "Failed"];
const REPORTED = ["Processed", "Sent", "Delivered", "Failed", "Cancelled"];

/**
 * Return the element of a message.
 *
 * @param {Object} message - a message of the store.
 * @param {Object} options
 * @param {string} options.number - the conversation's number.
 * @param {boolean} options.isOpen - whether details are shown.
 * @param {boolean} options.isShown - whether a link leads to this message.
 * @param {string[]} options.words - words to highlight.
 * @param {function()} options.onToggle - called to open or close the details.
 */
export function bubble(message, { number, isOpen, isShown, words, onToggle }) {
  const own = message.outgoing ? message.recipientStates.find((recipient) => recipient.phoneNumber === number) : null;
  const isFailed = (own?.state ?? message.state) === "Failed";
  const element = h(`article.bubble${isFailed ? ".failed" : ""}${isShown ? ".shown" : ""}`, { "aria-label": label(message) },
    message.subject ? h("h3", { dir: "auto" }, foreign(message.subject, words)) : null,
    attachments(message), content(message, words, isOpen),
    own?.error ? h("p.reason", {}, foreign(own.error, words)) : null,
    meta(message, own, isOpen, onToggle),
    isOpen ? details(message) : null);
  return element;
}

function label(message) {
  return message.outgoing ? `Outgoing message, ${message.state}` : `Incoming ${typeName(message.type)}`;
}

export function typeName(type) {
  return { SMS: "SMS", DATA_SMS: "data SMS", MMS: "MMS, announced", MMS_DOWNLOADED: "MMS" }[type] ?? type;
}

/** Return what a message says in one line. */
export function summary(message) {
  if (message.text || message.subject) return message.text || message.subject;
  if (message.attachments?.length) return message.attachments.map((attachment) => attachment.name).join(", ");
  return message.data === null || message.data === undefined ? "(empty)" : `Data: ${hexadecimal(bytesOf(message.data) ?? [])}`;
}

function content(message, words, isOpen) {
  if (message.isEncrypted) {
    return [h("p.row.small", {}, icon("lock"), "Encrypted"), h("p.bubble-text.bytes", {}, message.text ?? message.data)];
  }
  if (message.data !== null && message.data !== undefined) return dataContent(message);
  if (!message.text) return message.attachments?.length || message.subject ? null : h("p.quiet", {}, "(empty)");
  const isCut = message.text.length > CUT_ABOVE && !isOpen;
  const shown = isCut ? `${message.text.slice(0, CUT_ABOVE)}…` : message.text;
  const text = h("p.bubble-text", { dir: "auto" }, h("bdi", {}, words.length ? highlighted(shown, words) : shown));
  return isCut ? [text, h("p.quiet.small", {}, `${message.text.length.toLocaleString()} characters; all of them in the details`)] : text;
}

function dataContent(message) {
  const bytes = bytesOf(message.data);
  if (!bytes) return h("p.bubble-text.bytes", {}, message.data);
  const port = message.port === null || message.port === undefined ? "" : ` to port ${message.port}`;
  return [h("p.small.quiet", {}, `Data${port}, ${plural(bytes.length, "byte")}`), h("p.bytes", {}, hexadecimal(bytes))];
}

function attachments(message) {
  if (!message.attachments?.length) return null;
  return h("div.attachments", {}, message.attachments.map((attachment) => {
    const name = [identity(attachment.name), ` (${byteSize(attachment.size)})`];
    const file = h("a", { href: attachment.url, target: "_blank", rel: "noopener" }, name);
    if (!attachment.contentType.startsWith("image/")) return file;
    const picture = h("img", { src: attachment.url, alt: attachment.name, loading: "lazy", onerror: () => link.replaceWith(file) });
    const link = h("a", { href: attachment.url, target: "_blank", rel: "noopener", title: attachment.name }, picture);
    return link;
  }));
}

function meta(message, own, isOpen, onToggle) {
  const parts = [];
  if (message.outgoing) {
    const others = message.recipientStates.length;
    if (message.scheduleAt) parts.push(h("span", {}, `scheduled for ${fullTime(message.scheduleAt)}`));
    if (message.parts > 1) parts.push(h("span", {}, `${message.parts} SMS`));
    if (others > 1) parts.push(h("span", {}, `to ${others} recipients`));
  } else {
    if (message.type !== "SMS") parts.push(h("span", {}, typeName(message.type)));
    if (message.missed) parts.push(h("span", {}, "missed by the app"));
  }
  if (store.state?.devices.length > 1 && message.deviceId) parts.push(identity(store.deviceName(message.deviceId)));
  const toggle = h("button.toggle", { type: "button", "aria-expanded": String(isOpen), onclick: onToggle }, "Details", icon("more"));
  return h("div.bubble-meta", {}, parts, h("time", { datetime: new Date(message.time).toISOString(), title: fullTime(message.time) }, timeOfDay(message.time)),
    message.outgoing ? stateLabel(own?.state ?? message.state) : null, toggle);
}

function details(message) {
  const related = h("div", { "aria-live": "polite" });
  showDeliveries(message, related);
  return h("div.bubble-details", {},
    message.outgoing ? recipients(message) : null,
    facts([
      ["Id", h("span.row", {}, h("span.mono", {}, message.id), copyButton(message.id, "id"))],
      ["Device", message.deviceId ? identity(store.deviceName(message.deviceId)) : null],
      ["SIM", message.simNumber],
      ["Received by", message.recipient ? identity(message.recipient) : null],
      ["Received", message.outgoing ? null : fullTime(message.receivedAt)],
      ...ORDER.filter((state) => message.states?.[state]).map((state) => [state, exactDate(message.states[state])]),
      ["Scheduled", fullTime(message.scheduleAt)],
      ["Valid until", fullTime(message.validUntil)],
      ["Priority", message.priority || null],
      ["Report", message.outgoing && !message.withDeliveryReport ? "none requested" : null],
      ["Server's copy", message.isHashed ? "hashed by now" : null],
    ]),
    related,
    message.outgoing ? reportForm(message) : null);
}

function recipients(message) {
  const rows = message.recipientStates.map((recipient) => h("li", {},
    h("a", { href: link("messages", recipient.phoneNumber) }, identity(recipient.phoneNumber)), stateLabel(recipient.state),
    recipient.error ? h("span.reason", {}, foreign(recipient.error)) : null));
  return [h("h3", {}, plural(rows.length, "recipient")), h("ul.recipients", {}, rows)];
}

async function showDeliveries(message, place) {
  try {
    const found = await get(`/${message.outgoing ? "messages" : "incoming"}/${encodeURIComponent(message.id)}`);
    if (!found.deliveries?.length) return;
    fill(place, h("h3", {}, "Webhook deliveries"), h("ul.recipients", {}, found.deliveries.map((delivery) => h("li", {},
      h("a", { href: link("webhooks", delivery.id) }, delivery.event), deliveryLabel(delivery)))));
  } catch { /* deleted meanwhile */ }
}

/** Return the form by which the phone reports another state. */
function reportForm(message) {
  const state = h("select", { "aria-label": "State" }, REPORTED.map((name) => h("option", {}, name)));
  const reason = h("input", { type: "text", "aria-label": "Reason", placeholder: "Reason", maxlength: "256", hidden: true });
  state.addEventListener("change", () => { reason.hidden = state.value !== "Failed"; });
  const onsubmit = async (event) => {
    event.preventDefault();
    const body = { state: state.value, deviceId: message.deviceId };
    if (state.value === "Failed" && reason.value) body.error = reason.value;
    try {
      await call("POST", `/messages/${encodeURIComponent(message.id)}/report`, body);
      toast(`Reported as ${state.value}`);
    } catch (error) {
      toast(error.message, "error");
    }
  };
  return h("form.row", { onsubmit, "aria-label": "Report a state" }, state, reason, h("button.button", { type: "submit" }, "Report as the phone"));
}
