// Numbers that a phone always fails to reach: endings with the reason of their failures.

import { change } from "./device_changes.js";
import { fill, h, iconButton, identity, toast, visible } from "./dom.js";

const DEFAULT_REASON = "RESULT_ERROR_GENERIC_FAILURE";

/** Return the element that lists and changes them; `show` brings it up to date. */
export function failingNumbers(device) {
  const list = h("ul", { "aria-label": "Numbers that fail" });
  const ending = h("input", { type: "text", "aria-label": "Number that fails, or its ending", placeholder: "0109", title: "A number, or how it ends", maxlength: "128", autocomplete: "off", spellcheck: "false" });
  const reason = h("input", { type: "text", "aria-label": "Why it fails", placeholder: "reason", list: "failure-reasons", maxlength: "256" });
  let numbers = {};
  const save = (found) => change(device, { failingNumbers: found });
  const add = async (event) => {
    event.preventDefault();
    const end = ending.value.replace(/\s+/g, "");
    if (!end) {
      toast("Write the number that fails, or its last digits", "error");
      ending.focus();
      return;
    }
    if (!await save({ ...numbers, [end]: reason.value || DEFAULT_REASON })) return;
    ending.value = "";
    reason.value = "";
    ending.focus();
  };
  const row = ([end, why]) => {
    const field = h("input", { type: "text", "aria-label": `Why ${visible(end)} fails`, list: "failure-reasons", maxlength: "256", value: why, title: why,
      onchange: () => save({ ...numbers, [end]: field.value || DEFAULT_REASON }) });
    const remove = () => save(Object.fromEntries(Object.entries(numbers).filter(([other]) => other !== end)));
    return h("li.failing-row", {}, h("span.mono.ending", {}, identity(end)), field, iconButton("trash", `Let ${visible(end)} succeed`, remove));
  };
  const element = h("form.field.failing", { onsubmit: add }, h("span", {}, "Numbers that fail"), list,
    h("div.failing-row", {}, ending, reason, h("button.button", { type: "submit" }, "Add")));
  const show = ({ failingNumbers: found }) => {
    const signature = JSON.stringify(found);
    if (signature === list.dataset.signature) return;
    list.dataset.signature = signature;
    numbers = found;
    list.hidden = !Object.keys(found).length;
    fill(list, Object.entries(found).map(row));
  };
  return { element, show };
}
