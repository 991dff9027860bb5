// Dialog in which a message comes in: SMS, data SMS, or MMS with files.

import { call } from "./api.js";
import { openDialog } from "./dialogs.js";
import { fill, h, toast, visible } from "./dom.js";
import { byteSize } from "./formats.js";
import { go, link } from "./router.js";
import { store } from "./store.js";

const TYPES = [["SMS", "SMS"], ["DATA_SMS", "Data"], ["MMS_DOWNLOADED", "MMS"], ["MMS", "MMS, announced"]];
const LARGEST = 20 * 1024 * 1024;
const HEX = /^([0-9a-f]{2}\s*)*$/i;

/** Return Base64 of bytes. */
function base64(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192) text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return btoa(text);
}

/** Return the bytes that somebody wrote as hexadecimal digits, or as a text. */
function dataBytes(text, isHex) {
  if (!isHex) return new TextEncoder().encode(text);
  const digits = text.replace(/\s+/g, "");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Open the dialog; `sender` is filled in when it is known. */
export function compose({ sender = "" } = {}) {
  if (document.querySelector("dialog[open]") || !store.state) return;
  new ComposeDialog(sender).open();
}

class ComposeDialog {
  constructor(sender) {
    this.files = [];
    this.sender = h("input", { type: "text", required: true, list: "known-numbers", autocomplete: "off", spellcheck: "false", placeholder: "+12025550109" });
    this.sender.value = sender;
    this.device = h("select", { onchange: () => this.fillSims() },
      store.state.devices.map((device) => h("option", { value: device.id }, visible(device.name))));
    this.sim = h("select", {});
    this.text = h("textarea", { rows: "4", placeholder: "STOP" });
    this.subject = h("input", { type: "text" });
    this.hex = h("input", { type: "checkbox" });
    this.missed = h("input", { type: "checkbox" });
    this.picker = h("input", { type: "file", multiple: true, onchange: () => { this.reading = this.takeFiles(); } });
    this.preview = h("div.row", {});
    this.submit = h("button.button.primary", { type: "submit" }, "Receive");
    this.error = h("p.error-text", { role: "alert" });
  }

  get type() {
    return this.form.querySelector("[name=type]:checked").value;
  }

  open() {
    const field = (label, control, attributes = {}) => h("label.field", attributes, h("span", {}, label), control);
    const types = TYPES.map(([value, name]) => h("label", {},
      h("input.visually-hidden", { type: "radio", name: "type", value, checked: value === "SMS", onchange: () => this.showFields() }), name));
    const numbers = store.orderedConversations().slice(0, 50).filter((one) => one.number.length < 30);
    this.textLabel = h("span", {}, "Text");
    this.hexField = h("label.switch", {}, this.hex, "Hexadecimal digits, such as 00 ff 41");
    this.subjectField = field("Subject", this.subject);
    this.fileField = field("Files", this.picker);
    this.missedField = h("label.switch", {}, this.missed, "The app is not running: only an inbox refresh finds it");
    this.form = h("form", { onsubmit: (event) => this.send(event) },
      h("div.dialog-body", {},
        h("fieldset", {}, h("legend.visually-hidden", {}, "Kind"), h("div.segments", {}, types)),
        h("div.fields.three", {}, field("From", this.sender), field("To device", this.device), field("SIM", this.sim)),
        this.subjectField, h("label.field", {}, this.textLabel, this.text), this.hexField, this.fileField, this.preview, this.missedField,
        h("datalist", { id: "known-numbers" }, numbers.map((one) => h("option", { value: one.number })))),
      h("div.dialog-foot", {}, this.error, h("button.button", { type: "button", onclick: () => this.dialog.close() }, "Cancel"),
        this.submit));
    this.dialog = openDialog("Incoming message", this.form);
    this.dialog.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
    });
    this.fillSims();
    this.showFields();
    (this.sender.value ? this.text : this.sender).focus();
  }

  fillSims() {
    const device = store.state.devices.find((one) => one.id === this.device.value);
    const cards = (device?.simCards ?? []).map((card) => h("option", { value: card.simNumber },
      `SIM ${card.simNumber}${card.phoneNumber ? `, ${visible(card.phoneNumber)}` : ""}`));
    fill(this.sim, h("option", { value: "" }, "not given"), cards);
  }

  showFields() {
    const { type } = this;
    this.textLabel.textContent = { DATA_SMS: "Data", MMS: "Subject", MMS_DOWNLOADED: "Text" }[type] ?? "Text";
    this.hexField.hidden = type !== "DATA_SMS";
    this.subjectField.hidden = this.fileField.hidden = this.preview.hidden = type !== "MMS_DOWNLOADED";
    this.missedField.hidden = type !== "SMS" && type !== "MMS_DOWNLOADED";
  }

  async takeFiles() {
    const chosen = [...this.picker.files];
    if (chosen.reduce((sum, file) => sum + file.size, 0) > LARGEST) {
      this.picker.value = "";
      this.files = [];
      fill(this.preview);
      this.error.textContent = `Files may have ${byteSize(LARGEST)} together.`;
      return;
    }
    this.error.textContent = "";
    this.files = await Promise.all(chosen.map(async (file) => {
      const bytes = new Uint8Array(await file.arrayBuffer());
      return { name: file.name, contentType: file.type || "application/octet-stream", data: base64(bytes), file };
    }));
    fill(this.preview, this.files.map(({ file }) => (file.type.startsWith("image/")
      ? h("img.preview", { src: URL.createObjectURL(file), alt: file.name, onload: (event) => URL.revokeObjectURL(event.target.src) })
      : h("span.pill", {}, visible(file.name)))));
  }

  /** Return the body of the request; throws an Error when the data cannot be read. */
  body() {
    const { type } = this;
    const fields = { sender: this.sender.value.trim(), type, deviceId: this.device.value };
    if (this.sim.value) fields.simNumber = Number(this.sim.value);
    if (!this.missedField.hidden && this.missed.checked) fields.missed = true;
    if (type === "DATA_SMS") {
      if (this.hex.checked && !HEX.test(this.text.value.trim())) throw new Error("Write pairs of hexadecimal digits, such as 00 ff 41.");
      return { ...fields, data: base64(dataBytes(this.text.value, this.hex.checked)) };
    }
    if (type === "MMS_DOWNLOADED" && this.subject.value) fields.subject = this.subject.value;
    if (type === "MMS_DOWNLOADED") fields.attachments = this.files.map(({ name, contentType, data }) => ({ name, contentType, data }));
    return { ...fields, text: this.text.value };
  }

  async send(event) {
    event.preventDefault();
    if (this.submit.disabled) return;
    this.submit.disabled = true;
    try {
      await this.reading; // of files that were just chosen
      const body = this.body();
      await call("POST", "/receive", body);
      this.dialog.close();
      toast("Message received");
      go(link("messages", body.sender));
    } catch (error) {
      this.error.textContent = error.message;
    } finally {
      this.submit.disabled = false;
    }
  }
}
