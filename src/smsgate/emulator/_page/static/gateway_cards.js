// Switches of the whole gateway: outage and times, clock, faults, reset.

import { call, get } from "./api.js";
import { confirmDialog } from "./dialogs.js";
import { fill, h, iconButton, identity, toast } from "./dom.js";
import { duration, fullTime, plural } from "./formats.js";
import { store } from "./store.js";

const TIMES = [["processed", "Processed after"], ["sent", "Sent after"], ["delivered", "Delivered after"], ["pace", "Pause between messages"]];
const CLOCK_ERROR = 60_000; // milliseconds between the clocks of browser and emulator
const STEPS = [["+1 min", 60], ["+1 h", 3600], ["+1 day", 86400], ["+30 days", 2592000]];

/** Send a control request; shows the error when the emulator refuses it. */
async function control(method, path, body, done) {
  try {
    const result = await call(method, path, body);
    if (done) toast(done);
    return result;
  } catch (error) {
    toast(error.message, "error");
    store.changed("state");
    return null;
  }
}

export function gatewayCard() {
  const outage = h("input", { type: "checkbox", role: "switch",
    onchange: () => control(outage.checked ? "POST" : "DELETE", "/outage", outage.checked ? {} : undefined) });
  const text = h("span", {});
  const short = h("button.button", { type: "button", onclick: () => control("POST", "/outage", { seconds: 30 }) }, "30 s");
  const inputs = TIMES.map(([name]) => h("input", { type: "number", min: "0", step: "any", name,
    onchange: (event) => control("PATCH", "/timings", { [name]: Number(event.target.value) }) }));
  const outageRow = h("div.card-head", {}, h("label.switch", {}, outage, text), short);
  const card = h("section.card", { "aria-label": "Gateway" }, h("h2", {}, "Gateway"), outageRow,
    h("div.fields", {}, inputs.map((input, index) => h("label.field", {}, h("span", {}, TIMES[index][1]), h("div.with-unit", {}, input, "s")))));
  const show = () => {
    const { outage: now, timings, mode } = store.state;
    outageRow.hidden = mode === "local";
    outage.checked = now.active;
    text.textContent = `Outage of the database${now.active && now.until ? ` until ${fullTime(now.until)}` : ""}`;
    inputs.forEach((input) => { if (document.activeElement !== input) input.value = timings[input.name]; });
  };
  return { card, show };
}

export function clockCard() {
  const now = h("p.clock-now", {});
  const offset = h("p.quiet.small", {});
  const amount = h("input", { type: "number", min: "0", step: "any", "aria-label": "Seconds to advance", placeholder: "seconds" });
  const advance = (seconds) => control("POST", "/clock/advance", { seconds }, `The clock is ${duration(seconds)} further`);
  const onsubmit = (event) => {
    event.preventDefault();
    if (amount.value) advance(Number(amount.value));
    amount.value = "";
  };
  const card = h("section.card", { "aria-label": "Clock" }, h("h2", {}, "Clock"), now, offset,
    h("div.row", {}, STEPS.map(([name, seconds]) => h("button.button", { type: "button", onclick: () => advance(seconds) }, name))),
    h("form.row", { onsubmit }, amount, h("button.button", { type: "submit" }, "Advance")),
    h("p.quiet.small", {}, "Scheduled messages, expiry, webhook retries, tokens and hashing follow this clock."));
  const tick = () => {
    const { clock } = store.state;
    const passed = Date.now() - store.stateAt;
    const real = Math.abs(Date.parse(clock.now) - clock.offset * 1000 - store.stateAt) < CLOCK_ERROR; // not a test's own clock
    now.textContent = fullTime(Date.parse(clock.now) + (real ? passed : 0));
  };
  setInterval(() => { if (now.checkVisibility()) tick(); }, 1000);
  const show = () => {
    tick();
    const ahead = store.state.clock.offset;
    offset.textContent = ahead ? `${duration(ahead)} ahead of the real time` : "The real time";
  };
  return { card, show };
}

export function faultCard() {
  const kind = h("select", { "aria-label": "Kind of fault" });
  const times = h("input", { type: "number", min: "1", max: "1000000", value: "1", "aria-label": "How many requests" });
  const always = h("input", { type: "checkbox", onchange: () => { times.disabled = always.checked; } });
  const rate = h("input", { type: "number", min: "1", max: "100", value: "100" });
  const only = h("input", { type: "text", placeholder: "POST /messages", spellcheck: "false" });
  const rules = h("ul.rules", { "aria-label": "Faults that are set" });
  const clear = h("button.text-button.small", { type: "button", onclick: () => control("DELETE", "/faults") }, "Remove all");
  const onsubmit = (event) => {
    event.preventDefault();
    const body = { faults: [kind.value], times: always.checked ? null : Number(times.value), rate: Number(rate.value) / 100 };
    if (only.value.trim()) body.only = [only.value.trim()];
    control("POST", "/faults", body);
  };
  get("/faults").then(({ kinds }) => fill(kind, kinds.map(({ name }) => h("option", {}, name)))).catch(() => {});
  const card = h("section.card", { "aria-label": "Faults" }, h("div.card-head", {}, h("h2", {}, "Faults of requests"), clear), rules,
    h("form", { onsubmit }, h("div.fields", {}, h("label.field", {}, h("span", {}, "Fault"), kind), h("label.field", {}, h("span", {}, "Only requests"), only),
      h("label.field", {}, h("span", {}, "Share of requests"), h("div.with-unit", {}, rate, "%")),
      h("div.field", {}, h("span", {}, "How many"), h("div.with-unit", {}, times, h("label.row.small", {}, always, "no limit")))),
    h("p.row", {}, h("button.button", { type: "submit" }, "Add fault"))));
  const show = () => {
    clear.hidden = !store.state.faults.length;
    fill(rules, store.state.faults.map((rule) => h("li", {}, h("span.grow", {}, h("b", {}, rule.faults.map(faultName).join(", ")), " ", describeRule(rule)),
      h("span.quiet.small", {}, plural(rule.hits, "hit")),
      rule.startup ? null : iconButton("trash", "Remove this fault", () => control("DELETE", `/faults/${encodeURIComponent(rule.id)}`)))));
  };
  return { card, show };
}

const faultName = (fault) => (typeof fault === "string" ? fault : [fault.kind, fault.status].filter(Boolean).join(" "));

function describeRule(rule) {
  const parts = [];
  if (rule.rate < 1) parts.push(`${Math.round(rule.rate * 100)} % of requests`);
  if (rule.left !== null && rule.left !== undefined) parts.push(`${rule.left} left`);
  if (rule.only?.length) parts.push(`only ${rule.only.join(", ")}`);
  return identity(parts.join(", "));
}

export function resetCard() {
  const keep = h("input", { type: "checkbox" });
  const onclick = () => confirmDialog("Reset the emulator", "Messages, deliveries, the request log, faults, switches and the clock's advance are deleted. The account and its devices stay.", "Reset",
    () => control("POST", "/reset", keep.checked ? { keep: ["webhooks", "settings"] } : {}, "The emulator is reset"));
  const card = h("section.card", { "aria-label": "Reset" }, h("h2", {}, "Reset"),
    h("p.quiet", {}, "Start again with an empty gateway, as between two tests."),
    h("label.switch", {}, keep, "Keep webhooks and settings"),
    h("p.row", {}, h("button.button.danger", { type: "button", onclick }, "Reset …")));
  return { card, show: () => {} };
}
