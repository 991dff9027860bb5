// Dialogs: a frame for all of them, confirmation, and the list of keys.

import { h, iconButton } from "./dom.js";

/** Open a dialog and return it; it removes itself when it is closed. Esc closes it, and the focus goes back. */
export function openDialog(title, ...children) {
  const close = iconButton("plus", "Close", () => dialog.close(), { class: "icon-button close" });
  const dialog = h("dialog", { "aria-label": title }, h("div.dialog-head", {}, h("h2", {}, title), close), children);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask before something is deleted. */
export function confirmDialog(title, text, action, onConfirm) {
  const onclick = () => {
    dialog.close();
    onConfirm();
  };
  const dialog = openDialog(title, h("div.dialog-body", {}, h("p", {}, text)),
    h("div.dialog-foot", {}, h("button.button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      h("button.button.danger", { type: "button", onclick }, action)));
  dialog.querySelector(".danger").focus();
}

export const KEYS = [
  ["j", "k", "next and previous row of a list"],
  ["Enter", "", "open the focused row"],
  ["Esc", "", "close a dialog, the details or the search"],
  ["/", "", "search everything"],
  ["n", "", "let a message come in"],
  ["r", "", "reply in the open conversation"],
  ["1", "5", "go to a view: Messages, Webhooks, Requests, Devices, Connect"],
  ["t", "", "change the theme"],
  ["?", "", "this list"],
];

export function showKeys() {
  const rows = KEYS.map(([first, second, text]) => [
    h("dt", {}, h("kbd", {}, first), second ? [first === "1" ? " to " : " ", h("kbd", {}, second)] : null), h("dd", {}, text)]);
  openDialog("Keyboard", h("div.dialog-body", {}, h("dl.keys", {}, rows)));
}
