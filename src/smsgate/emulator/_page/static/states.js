// States of messages and responses, shown by a picture and a word.

import { h, icon } from "./dom.js";

const ICONS = { Cancelling: "Cancelled" };
const KNOWN = new Set(["Pending", "Processed", "Sent", "Delivered", "Failed", "Cancelled", "Cancelling"]);

/** Return the label of a message's state. */
export function stateLabel(state) {
  const name = KNOWN.has(state) ? state : "Pending";
  return h(`span.state.${name}`, {}, icon(ICONS[name] ?? name), state);
}

/** Return "good", "warn" or "bad" for the status of a response; null is no response. */
export function statusKind(status) {
  if (status === null || status === undefined || status >= 500) return "bad";
  return status >= 400 ? "warn" : "good";
}

/** Return the status of a response. */
export function statusLabel(status) {
  return h(`span.status.status-${statusKind(status)}`, {}, status ?? "no response");
}

const DELIVERY_KINDS = { delivered: "good", dropped: "bad", waiting: "warn" };

/** Return the label of a delivery's state. */
export function deliveryLabel(delivery) {
  const count = delivery.attemptCount;
  const text = delivery.state === "waiting" && count ? "retrying" : delivery.state;
  return h(`span.pill.${DELIVERY_KINDS[delivery.state] ?? "warn"}`, {}, count > 1 ? `${text} · ${count} attempts` : text);
}
