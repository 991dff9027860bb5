// Phones and switches: what they do, what goes wrong, and what time it is.

import { call } from "./api.js";
import { change } from "./device_changes.js";
import { confirmDialog } from "./dialogs.js";
import { copyButton, facts, fill, h, iconButton, toast, visible } from "./dom.js";
import { fullTime } from "./formats.js";
import { failingNumbers } from "./failing_numbers.js";
import { clockCard, faultCard, gatewayCard, resetCard } from "./gateway_cards.js";
import { store } from "./store.js";

const REASONS = ["RESULT_ERROR_GENERIC_FAILURE", "RESULT_ERROR_NO_SERVICE", "RESULT_ERROR_RADIO_OFF", "RESULT_ERROR_LIMIT_EXCEEDED"];

/** Return a card whose fields show the device; `show` brings them up to date. */
function deviceCard(device) {
  const current = () => store.state.devices.find((one) => one.id === device.id) ?? device;
  const name = h("input", { type: "text", "aria-label": "Name", onchange: () => change(device, { name: name.value }) });
  const online = h("input", { type: "checkbox", role: "switch", onchange: () => change(device, { online: online.checked }) });
  const onlineText = h("span", {});
  const power = h("input", { type: "checkbox", role: "switch", onchange: () => change(device, { on: power.checked }) });
  const passphrase = h("input", { type: "text", maxlength: "1000", autocomplete: "off", placeholder: "none", onchange: () => change(device, { passphrase: passphrase.value }) });
  const order = h("select", { onchange: () => change(device, { processingOrder: order.value }) },
    h("option", { value: "LIFO" }, "newest first"), h("option", { value: "FIFO" }, "oldest first"));
  const rate = h("input", { type: "range", min: "0", max: "100", step: "5", "aria-label": "Failure rate in percent",
    oninput: () => { output.value = `${rate.value} %`; }, onchange: () => change(device, { failureRate: rate.value / 100 }) });
  const output = h("output", {});
  const reason = h("input", { type: "text", list: "failure-reasons", maxlength: "256", onchange: () => change(device, { failureReason: reason.value }) });
  const latency = h("input", { type: "number", min: "0", max: "86400", step: "any", onchange: () => change(device, { latency: Number(latency.value) }) });
  const reports = h("input", { type: "checkbox", role: "switch", onchange: () => change(device, { deliveryReports: reports.checked }) });
  const confirms = h("input", { type: "checkbox", role: "switch", onchange: () => change(device, { confirmsWaiting: confirms.checked }) });
  const seen = h("span.quiet.small", {});
  const sims = h("div", {});
  const failing = failingNumbers(device);
  const remove = iconButton("trash", `Remove ${visible(device.name)}`, () => confirmDialog("Remove the device",
    "Its messages and webhooks are deleted with it, as when a phone is removed from the account. A reset brings the first devices back.", "Remove", () => removeDevice(device)));
  const card = h("section.card.device", { "aria-label": visible(device.name) },
    h("div.card-head", {}, h("div.device-name", {}, name), h("div.row", {}, h("label.switch", {}, online, onlineText), remove)), seen,
    h("label.field", {}, h("span", {}, "Failing sends"), h("div.range", {}, rate, output)),
    h("label.field", {}, h("span", {}, "Reason of failures"), reason), failing.element,
    h("div.fields.three", {}, h("label.field", {}, h("span", {}, "Delay of each message"), h("div.with-unit", {}, latency, "s")),
      h("label.field", {}, h("span", {}, "Waiting messages"), order), h("label.field", {}, h("span", {}, "Passphrase"), passphrase)),
    h("div.row", {}, h("label.switch", {}, power, "Switched on"), h("label.switch", {}, reports, "Delivery reports"),
      h("label.switch", { title: "Each new message makes the phone report those that wait, as the app does; then they can no longer be cancelled." }, confirms, "Confirms queued messages")), sims,
    facts([["Signing key", secret(device.signingKey, "signing key")], ["Id", secret(device.id, "device id")]]));
  const set = (control, value) => { if (document.activeElement !== control) control.value = value; };
  const show = () => {
    const now = current();
    set(name, now.name);
    online.checked = now.online;
    onlineText.textContent = now.online ? "online" : "offline";
    set(rate, Math.round(now.failureRate * 100));
    output.value = `${Math.round(now.failureRate * 100)} %`;
    set(reason, now.failureReason);
    set(latency, now.latency);
    set(passphrase, now.passphrase ?? "");
    set(order, now.processingOrder);
    power.checked = now.on;
    reports.checked = now.deliveryReports;
    confirms.checked = now.confirmsWaiting;
    failing.show(now);
    remove.hidden = store.state.mode === "local";
    remove.title = `Remove ${visible(now.name)}`;
    remove.setAttribute("aria-label", remove.title);
    card.setAttribute("aria-label", visible(now.name));
    seen.textContent = `Last seen ${fullTime(now.lastSeen)}`;
    showSims(now, sims);
  };
  show();
  return { card, show };
}

async function removeDevice(device) {
  try {
    await call("DELETE", `/devices/${encodeURIComponent(device.id)}`);
    toast(`${visible(device.name)} removed`);
  } catch (error) {
    toast(error.message, "error");
  }
}

const secret = (text, what) => h("span.row", {}, h("span.mono", {}, text), copyButton(text, what));

function showSims(device, place) {
  const signature = JSON.stringify(device.simCards);
  if (place.dataset.signature === signature) return;
  place.dataset.signature = signature;
  const cards = device.simCards ?? [];
  const save = (list) => change(device, { simCards: list });
  const rows = cards.map((card, index) => {
    const edit = (fields) => save(cards.map((other, at) => (at === index ? { ...other, ...fields } : other)));
    const number = h("input", { type: "text", "aria-label": `Number of SIM ${card.simNumber}`, placeholder: "number", value: card.phoneNumber ?? "", onchange: () => edit({ phoneNumber: number.value }) });
    return h("li", {}, h("span.quiet", {}, `SIM ${card.simNumber}`), number,
      iconButton("trash", `Remove SIM ${card.simNumber}`, () => save(cards.filter((_, at) => at !== index))));
  });
  const next = Math.max(0, ...cards.map((card) => card.simNumber)) + 1;
  const add = h("button.text-button.small", { type: "button", onclick: () => save([...cards, { slotIndex: next - 1, simNumber: next }]) }, "Add a SIM");
  fill(place, rows.length ? h("ul.sims", {}, rows) : h("p.small.quiet", {}, "No SIM cards listed: any SIM number is taken."), add);
}

export class DevicesView {
  constructor() {
    this.devices = h("div.devices", {});
    this.add = h("button.button", { type: "button", onclick: () => this.addDevice() }, "Add a device");
    this.cards = new Map();
    this.common = [gatewayCard(), clockCard(), faultCard(), resetCard()];
    const reasons = h("datalist", { id: "failure-reasons" }, REASONS.map((value) => h("option", { value })));
    this.element = h("div.view", {}, h("div.scroller.full", { tabindex: "-1" }, h("div.page", {},
      h("div.card-head", {}, h("h1", {}, "Devices"), this.add), this.devices,
      h("h1", {}, "Switches"), h("div.devices", {}, this.common.map(({ card }) => card)), reasons)));
  }

  open() {
    this.show();
  }

  refresh(topics) {
    if (topics.has("state")) this.show();
  }

  show() {
    if (!store.state) return;
    this.add.hidden = store.state.mode === "local";
    const { devices } = store.state;
    const ids = devices.map((device) => device.id).join();
    if (ids !== this.ids) {
      this.ids = ids;
      this.cards = new Map(devices.map((device) => [device.id, this.cards.get(device.id) ?? deviceCard(device)]));
      fill(this.devices, devices.length ? [...this.cards.values()].map(({ card }) => card) : h("p.card.quiet", {}, "This account has no device: sends are refused."));
    }
    this.cards.forEach(({ show }) => show());
    this.common.forEach(({ show }) => show());
  }

  async addDevice() {
    try {
      const device = await call("POST", "/devices", {});
      toast(`${visible(device.name)} added`);
    } catch (error) {
      toast(error.message, "error");
    }
  }
}
