// Log of API requests, each with its response and as a curl command.

import { call, get } from "./api.js";
import { bodyBlock, folded, headerTable } from "./bodies.js";
import { copy, codeBlock, fill, h, icon, iconButton, identity, toast, visible } from "./dom.js";
import { curlCommand } from "./curl.js";
import { duration, exactTime, fullTime } from "./formats.js";
import { ListDetailView, itemRow } from "./list_view.js";
import { link } from "./router.js";
import { statusLabel } from "./states.js";
import { store } from "./store.js";

const STATUSES = [["", "All statuses"], ["2", "Successful"], ["4", "4xx"], ["5", "5xx"], ["none", "No response"]];

export class RequestsView extends ListDetailView {
  constructor() {
    super({ view: "requests", title: "Requests", estimate: 62, classes: ".wide" });
    this.status = h("select", { "aria-label": "Status", onchange: () => this.showList() }, STATUSES.map(([value, name]) => h("option", { value }, name)));
    this.method = h("select", { "aria-label": "Method", onchange: () => this.showList() },
      ["", "GET", "POST", "PUT", "PATCH", "DELETE"].map((value) => h("option", { value }, value || "All methods")));
    this.tools.append(this.method, this.status);
    this.actions.append(iconButton("trash", "Clear the request log", () => this.clear()));
  }

  keyOf(request) {
    return String(request.id);
  }

  items() {
    this.tools.hidden = !store.requests.size;
    const { value } = this.status;
    return store.listed("requests").filter((request) => (!this.method.value || request.method === this.method.value)
      && (!value || (value === "none" ? request.status === null : String(request.status).startsWith(value))));
  }

  renderRow(request, isCurrent) {
    return itemRow(link("requests", request.id), isCurrent, ".request",
      h("span.line", {}, h("span.method", {}, request.method), h("span.grow.mono", {}, identity(request.path + (request.query ? `?${request.query}` : ""))), statusLabel(request.status)),
      h("span.line.second", {}, h("span.grow", {}, request.fault ? h("span.pill.warn", {}, `fault: ${request.fault}`) : duration(request.duration)), h("time", {}, exactTime(request.at))));
  }

  renderEmptyList() {
    if (store.requests.size) return h("p.empty", {}, "No request meets the filter above.");
    return h("div.empty", {}, icon("requests"), h("h2", {}, "No requests yet"),
      h("p", {}, "Every request of your program to the API appears here, with headers, bodies and a curl command that sends it again."),
      h("a.button", { href: link("connect") }, "How to connect"));
  }

  refresh(topics, route) {
    if (!topics.has("requests")) return;
    this.showList();
    if (!route.id) this.showDetail(route, false);
  }

  async showDetail(route, changed) {
    if (!route.id) {
      this.shown = "";
      fill(this.detail, h("div.empty", {}, icon("requests"), h("p", {}, "Choose a request to see what was sent and what came back.")));
      return;
    }
    if (!changed && this.shown === route.id) return;
    this.shown = route.id;
    try {
      const request = await get(`/requests/${encodeURIComponent(route.id)}`);
      if (this.shown === route.id) fill(this.detail, this.renderDetail(request));
    } catch (error) {
      if (this.shown === route.id) fill(this.detail, h("div.empty", {}, this.backButton(), h("p", {}, error.message)));
    }
  }

  renderDetail(request) {
    const command = curlCommand(request, location.origin, store.state.login);
    const copyCurl = h("button.button", { type: "button", onclick: () => copy(command, "curl command") }, icon("copy"), "Copy as curl");
    return [
      h("div.pane-head", {}, this.backButton(), h("h1", {}, `${request.method} `, identity(request.path)), copyCurl),
      h("div.scroller", { tabindex: "0", role: "region", "aria-label": "Request" }, h("div.detail", {},
        h("p.row", {}, statusLabel(request.status), h("span.quiet", {}, fullTime(request.at)), h("span.quiet", {}, duration(request.duration)),
          request.fault ? h("span.pill.warn", {}, `fault: ${request.fault}`) : null,
          request.truncated ? h("span.pill.warn", {}, "cut: the body is longer than the log keeps") : null),
        request.query ? h("section", {}, h("h2", {}, "Query"), headerTable(parameters(request.query), "query")) : null,
        h("section", {}, h("h2", {}, "Request"), bodyBlock(request.requestBody, "request body"),
          folded(`Headers (${request.requestHeaders.length})`, false, headerTable(request.requestHeaders, "request headers"))),
        h("section", {}, h("h2", {}, "Response"), request.status === null ? h("p.quiet", {}, "No response reached the client.") : [
          bodyBlock(request.responseBody, "response body"),
          folded(`Headers (${request.responseHeaders.length})`, false, headerTable(request.responseHeaders, "response headers"))]),
        h("section", {}, h("h2", {}, "As curl"), codeBlock(command, "curl command"),
          h("p.small.quiet", {}, "Secrets are not logged: set SMSGATE_PASSWORD or SMSGATE_TOKEN before you run it.")),
      )),
    ];
  }

  async clear() {
    try {
      await call("DELETE", "/requests");
      store.removeRequests();
      location.hash = link("requests");
    } catch (error) {
      toast(visible(error.message), "error");
    }
  }
}

/** Return the parameters of a query as pairs, readable. */
function parameters(query) {
  return [...new URLSearchParams(query)];
}
