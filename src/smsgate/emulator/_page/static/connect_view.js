// How a program reaches this emulator: settings to copy, and programs of three lines.

import { codeBlock, copyButton, fill, h } from "./dom.js";
import { link } from "./router.js";
import { store } from "./store.js";

/** Return the base URL of the API as this browser reaches it. */
function baseUrl() {
  return location.origin + new URL(store.state.url).pathname.replace(/\/$/, "");
}

/** Return a Python string literal. JSON's escapes are Python's. */
const literal = (text) => JSON.stringify(text);

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function examples() {
  const { login, password } = store.state;
  const url = baseUrl();
  return [
    ["Python", `from smsgate import APIClient\nclient = APIClient(${literal(login)}, ${literal(password)}, base_url=${literal(url)})\nclient.send("Hello", to="+12025550101")`],
    ["curl", `curl ${url}/messages --user ${quoted(`${login}:${password}`)} \\\n  --header 'Content-Type: application/json' \\\n  --data '{"phoneNumbers": ["+12025550101"], "textMessage": {"text": "Hello"}}'`],
    ["Environment", `export SMSGATE_BASE_URL=${quoted(url)}\nexport SMSGATE_USERNAME=${quoted(login)}\nexport SMSGATE_PASSWORD=${quoted(password)}`],
    ["Webhook", `curl ${url}/webhooks --user ${quoted(`${login}:${password}`)} \\\n  --header 'Content-Type: application/json' \\\n  --data '{"event": "sms:received", "url": "https://example.com/webhook"}'\n\n# the emulator calls your own server instead when it is started with\n#   --rewrite https://example.com=http://127.0.0.1:8000`],
  ];
}

/** Return tabs with an example each. */
function tabs() {
  const place = h("div", { role: "tabpanel", "aria-label": "Example" });
  const all = examples();
  const choose = (index, focus) => {
    buttons.forEach((button, other) => {
      button.setAttribute("aria-selected", String(other === index));
      button.tabIndex = other === index ? 0 : -1;
    });
    fill(place, codeBlock(all[index][1], all[index][0]));
    if (focus) buttons[index].focus();
  };
  const buttons = all.map(([name], index) => h("button", { type: "button", role: "tab", onclick: () => choose(index) }, name));
  const onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) choose((buttons.indexOf(document.activeElement) + step + all.length) % all.length, true);
  };
  choose(0);
  return h("div", {}, h("div.tabs", { role: "tablist", "aria-label": "Examples", onkeydown }, buttons), place);
}

/** Return the cards that tell a beginner what to do first. */
export function connectionHelp() {
  if (!store.state) return [];
  const { login, password, mode } = store.state;
  const setting = (name, value) => h("div.setting", {}, h("dt", {}, name), h("dd", {}, value), copyButton(value, name));
  return [
    h("section.card", { "aria-label": "Connection settings" }, h("h2", {}, "1. Point your program here"),
      h("p.quiet", {}, mode === "local" ? "This emulator is a phone with its local server." : "This emulator stands for the cloud server, or a private one."),
      h("dl", {}, setting("Base URL", baseUrl()), setting("Login", login), setting("Password", password))),
    h("section.card", { "aria-label": "Examples" }, h("h2", {}, "2. Send a message"), tabs(),
      h("p.quiet.small", {}, "Numbers that end in 9901, 9902 and 9904 fail; 9903 is sent and never delivered.")),
    h("section.card", { "aria-label": "Next steps" }, h("h2", {}, "3. Watch it here"),
      h("p", {}, "The message appears under ", h("a", { href: link("messages") }, "Messages"), " with its states, the request under ",
        h("a", { href: link("requests") }, "Requests"), ", and what your webhooks get under ", h("a", { href: link("webhooks") }, "Webhooks"),
        ". ", h("a", { href: link("devices") }, "Devices"), " switches phones off, makes sends fail and moves the clock."),
      h("p.quiet.small", {}, "All of this page can be done by programs too: ", h("a", { href: "/_emulator/docs" }, "control API"), ".")),
  ];
}

export class ConnectView {
  constructor() {
    this.place = h("div.page", {});
    this.element = h("div.view", {}, h("div.scroller.full", {}, this.place));
  }

  open() {
    this.show();
  }

  refresh(topics) {
    if (topics.has("state")) this.show();
  }

  show() {
    const signature = store.state && [baseUrl(), store.state.login, store.state.password].join("\n");
    if (!signature || signature === this.signature) return;
    this.signature = signature;
    fill(this.place, h("h1", {}, "Connect"), connectionHelp());
  }
}
