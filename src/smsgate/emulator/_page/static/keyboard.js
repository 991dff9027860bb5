// Keys of the whole page. Keys with modifiers, and keys pressed in fields, stay what they are.

import { compose } from "./compose.js";
import { showKeys } from "./dialogs.js";

const VIEWS = ["messages", "webhooks", "requests", "devices", "connect"];

const isField = (element) => element.matches?.("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]");

/**
 * Install the keys.
 *
 * @param {Object} page
 * @param {function(): Object} page.view - the view that is shown.
 * @param {function(string)} page.goTo - shows a view by its name.
 * @param {function()} page.leaveSearch - clears the search.
 * @param {function()} page.changeTheme - chooses the next theme.
 */
export function installKeys({ view, goTo, leaveSearch, changeTheme }) {
  const search = document.getElementById("search");
  const actions = {
    j: () => view().move?.(1),
    k: () => view().move?.(-1),
    "/": () => search.focus(),
    n: () => compose(),
    r: () => document.querySelector(".view:not([hidden]) .composer textarea")?.focus(),
    t: changeTheme,
    "?": showKeys,
    ...Object.fromEntries(VIEWS.map((name, index) => [String(index + 1), () => goTo(name)])),
  };

  const escape = (target) => {
    if (target === search) {
      leaveSearch();
    } else if (isField(target)) {
      target.blur();
    } else if (!view().back?.()) {
      leaveSearch();
    }
  };

  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      escape(event.target);
      return;
    }
    const isArrow = event.key === "ArrowDown" || event.key === "ArrowUp";
    if (isArrow && event.target.closest?.(".item")) {
      event.preventDefault();
      view().move?.(event.key === "ArrowDown" ? 1 : -1);
      return;
    }
    if (isField(event.target) || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });
}
