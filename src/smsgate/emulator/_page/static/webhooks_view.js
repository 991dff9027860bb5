// Webhook deliveries of the phones: request, responses, retries.

import { call, get } from "./api.js";
import { bodyBlock, folded, headerTable } from "./bodies.js";
import { copyButton, facts, fill, foreign, h, icon, identity, toast } from "./dom.js";
import { duration, exactDate, fullTime, plural, shortTime } from "./formats.js";
import { ListDetailView, itemRow } from "./list_view.js";
import { link } from "./router.js";
import { deliveryLabel, statusLabel } from "./states.js";
import { store } from "./store.js";

const STATES = [["", "All deliveries"], ["waiting", "Waiting"], ["delivered", "Delivered"], ["dropped", "Dropped"]];

export class WebhooksView extends ListDetailView {
  constructor() {
    super({ view: "webhooks", title: "Webhooks", estimate: 62, classes: ".wide" });
    this.state = h("select", { "aria-label": "State", onchange: () => this.showList() }, STATES.map(([value, name]) => h("option", { value }, name)));
    this.tools.append(this.state);
    this.hooks = h("div", {});
    this.tools.after(this.hooks);
  }

  keyOf(delivery) {
    return delivery.id;
  }

  items() {
    this.tools.hidden = !store.deliveries.size;
    const deliveries = store.listed("deliveries");
    return this.state.value ? deliveries.filter((delivery) => delivery.state === this.state.value) : deliveries;
  }

  renderRow(delivery, isCurrent) {
    return itemRow(link("webhooks", delivery.id), isCurrent, ".delivery",
      h("span.line", {}, h("span.grow", {}, identity(delivery.event)), deliveryLabel(delivery), h("time", {}, shortTime(delivery.createdAt, store.state.clock.now))),
      h("span.line.second", {}, h("span.grow", {}, identity(delivery.url)), lastStatus(delivery)));
  }

  renderEmptyList() {
    if (store.deliveries.size) return h("p.empty", {}, "No delivery is in this state.");
    return h("div.empty", {}, icon("webhooks"), h("h2", {}, "No deliveries yet"),
      h("p", {}, "Register a webhook, then send a message or let one come in: every delivery appears here with its response."),
      h("a.button", { href: link("connect") }, "How to register one"));
  }

  open(route) {
    super.open(route);
    this.loadHooks();
  }

  async loadHooks() {
    try {
      const { items } = await get("/webhooks");
      fill(this.hooks, items.length ? h("div.pane-tools", {}, folded(plural(items.length, "registered webhook"), false,
        h("ul.recipients", {}, items.map((hook) => h("li", {}, h("b", {}, identity(hook.event)), identity(hook.url),
          hook.deviceId ? h("span.quiet", {}, "of ", identity(store.deviceName(hook.deviceId))) : null))))) : null);
    } catch { /* shown by the banner */ }
  }

  refresh(topics, route) {
    if (topics.has("state")) this.loadHooks();
    if (!topics.has("deliveries")) return;
    this.showList();
    this.showDetail(route, false);
  }

  async showDetail(route, changed) {
    const listed = store.deliveries.get(route.id);
    if (!route.id) {
      this.shown = "";
      fill(this.detail, h("div.empty", {}, icon("webhooks"), h("p", {}, "Choose a delivery to see its request and the responses.")));
      return;
    }
    const signature = `${route.id}|${listed?.version}`;
    if (!changed && signature === this.shown) return;
    this.shown = signature;
    try {
      const delivery = await get(`/deliveries/${encodeURIComponent(route.id)}`);
      if (this.shown === signature) fill(this.detail, this.renderDetail(delivery, changed));
    } catch (error) {
      if (this.shown === signature) fill(this.detail, h("div.empty", {}, this.backButton(), h("p", {}, error.message)));
    }
  }

  renderDetail(delivery) {
    const redeliver = h("button.button", { type: "button", onclick: () => this.redeliver(delivery) }, icon("repeat"), "Deliver again");
    const last = delivery.attempts[delivery.attempts.length - 1];
    return [
      h("div.pane-head", {}, this.backButton(), h("h1", {}, identity(delivery.event)), redeliver),
      h("div.scroller", { tabindex: "0", role: "region", "aria-label": "Delivery" }, h("div.detail", {},
        facts([
          ["State", deliveryLabel(delivery)],
          ["URL", h("span.row", {}, h("span.mono", {}, identity(delivery.url)), copyButton(delivery.url, "URL"))],
          ["Device", identity(store.deviceName(delivery.deviceId))],
          ["Event", fullTime(delivery.createdAt)],
          ["Next attempt", delivery.nextAttempt ? fullTime(delivery.nextAttempt) : null],
          ["Id", h("span.row", {}, h("span.mono", {}, delivery.id), copyButton(delivery.id, "id"))],
        ]),
        h("section", {}, h("h2", {}, "Body"), bodyBlock(delivery.body, "body")),
        h("section", {}, h("h2", {}, delivery.attempts.length ? plural(delivery.attempts.length, "attempt") : "No attempt yet"),
          h("ol.attempts", {}, [...delivery.attempts].reverse().map((attempt) => renderAttempt(attempt, attempt === last)))),
      )),
    ];
  }

  async redeliver(delivery) {
    try {
      await call("POST", `/deliveries/${encodeURIComponent(delivery.id)}/redeliver`);
      toast("The phone delivers it again");
    } catch (error) {
      toast(error.message, "error");
    }
  }
}

function lastStatus(delivery) {
  const last = delivery.attempts[delivery.attempts.length - 1];
  return last ? statusLabel(last.status) : null;
}

function renderAttempt(attempt, isOpen) {
  return h("li", {},
    h("p.row", {}, statusLabel(attempt.status), h("span.quiet", {}, exactDate(attempt.at)), h("span.quiet", {}, duration(attempt.duration))),
    attempt.error ? h("p.reason", {}, foreign(attempt.error)) : null,
    folded("Request headers", isOpen, headerTable(attempt.requestHeaders, "request headers"),
      h("p.small.quiet", {}, "X-Signature is the HMAC-SHA256 of body and X-Timestamp with the device's signing key.")),
    attempt.status === null ? null : folded("Response", isOpen, headerTable(attempt.responseHeaders, "response headers"), bodyBlock(attempt.responseBody, "response body")));
}
