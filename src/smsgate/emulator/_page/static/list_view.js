// View with a list on the left and the chosen item on the right.

import { fill, h, iconButton } from "./dom.js";
import { go, link } from "./router.js";
import { VirtualList } from "./virtual_list.js";

/** Return a row of a list: a link to an item. */
export function itemRow(href, isCurrent, classes, ...children) {
  const current = isCurrent ? "true" : undefined;
  return h(`div.item${classes}`, { role: "listitem" }, h("a", { href, "aria-current": current, draggable: "false" }, children));
}

export class ListDetailView {
  /**
   * @param {Object} options
   * @param {string} options.view - name in the URL.
   * @param {string} options.title - heading of the list.
   * @param {number} options.estimate - usual height of a row in pixels.
   */
  constructor({ view, title, estimate, classes = "" }) {
    this.view = view;
    this.title = title;
    this.selected = "";
    this.leaving = "";
    this.count = h("span.count", {});
    this.actions = h("div.row", {});
    this.tools = h("div.pane-tools", { hidden: true });
    this.list = h("div.rows", { role: "list", "aria-label": title });
    this.emptyList = h("div", { hidden: true });
    this.scroller = h("div.scroller", { tabindex: "-1" }, this.list, this.emptyList);
    this.detail = h("section.detail-pane", { "aria-label": "Details", tabindex: "-1" });
    this.element = h(`div.view.split${classes}`, { "data-open": "false" },
      h("section.list-pane", { "aria-label": title },
        h("div.pane-head", {}, h("h1", {}, title, " ", this.count), this.actions), this.tools, this.scroller),
      this.detail);
    this.rows = new VirtualList(this.scroller, this.list, {
      key: (item) => this.keyOf(item),
      version: (item) => this.versionOf(item),
      render: (item) => this.renderRow(item, this.keyOf(item) === this.selected),
      estimate,
    });
  }

  /** Return what a row shows besides its item: it is built again when this changes. */
  versionOf(item) {
    return `${item.version}|${this.keyOf(item) === this.selected}`;
  }

  /** Show the list, and the item of the route. */
  open(route) {
    const changed = route.id !== this.selected;
    this.selected = route.id;
    this.element.dataset.open = String(Boolean(route.id));
    this.showList();
    if (route.id && changed) this.rows.reveal(route.id);
    this.showDetail(route, changed);
    this.moveFocus(route, changed);
  }

  /** Keep the focus where the user looks: a narrow page shows either the list or the chosen item. */
  moveFocus(route, changed) {
    if (route.id && changed && !this.scroller.checkVisibility()) this.detail.focus({ preventScroll: true });
    if (!route.id && this.leaving) this.rows.reveal(this.leaving)?.querySelector("a").focus({ preventScroll: true });
    this.leaving = "";
  }

  showList() {
    const items = this.items();
    this.count.textContent = items.length ? items.length.toLocaleString() : "";
    this.list.hidden = !items.length;
    this.emptyList.hidden = Boolean(items.length);
    if (!items.length) fill(this.emptyList, this.renderEmptyList());
    this.rows.setItems(items);
  }

  /** Move the focus to another row; return whether there is a list to move in. */
  move(step) {
    const { items } = this.rows;
    if (!items.length) return false;
    const focused = document.activeElement?.closest?.(".item")?.dataset.key;
    const before = this.rows.indexOf(focused ?? this.selected);
    const index = before < 0 ? 0 : Math.min(Math.max(before + (focused || before < 0 ? step : 0), 0), items.length - 1);
    this.rows.reveal(this.keyOf(items[index]))?.querySelector("a").focus({ preventScroll: true });
    return true;
  }

  /** Close the chosen item; return whether one was open. */
  back() {
    if (!this.selected) return false;
    this.leaving = this.selected;
    go(link(this.view));
    return true;
  }

  backButton() {
    return iconButton("back", `Back to ${this.title.toLowerCase()}`, () => this.back(), { class: "icon-button back" });
  }
}
