// List that keeps only the visible rows in the document, whatever their heights.

const OVERSCAN = 400;
const AT_END = 24;

/**
 * Rows stand in normal flow between two paddings. A row is measured when it is inserted and whenever it changes its
 * size; rows that were never shown count with an estimate. The first visible row keeps its place meanwhile.
 */
export class VirtualList {
  /**
   * @param {HTMLElement} scroller - element that scrolls.
   * @param {HTMLElement} list - element inside it that gets the rows.
   * @param {Object} options
   * @param {function(Object): HTMLElement} options.render - builds a row.
   * @param {function(Object): string} options.key - identifies a row.
   * @param {function(Object): *} options.version - changes whenever the row has to be built again.
   * @param {number} options.estimate - height of a row in pixels before it is measured.
   * @param {boolean} [options.followEnd] - whether the list stays at its end while rows are added there.
   */
  constructor(scroller, list, options) {
    Object.assign(this, options);
    this.scroller = scroller;
    this.list = list;
    this.items = [];
    this.heights = new Map();
    this.rows = new Map();
    this.offsets = new Float64Array(1);
    this.positions = new Map();
    this.atEnd = true;
    this.width = 0;
    scroller.addEventListener("scroll", () => this.onScroll(), { passive: true });
    this.sizes = new ResizeObserver((entries) => this.onResize(entries));
    this.sizes.observe(scroller);
  }

  /** Show other items, or the same ones after a change. */
  setItems(items) {
    const anchor = this.anchor();
    this.items = items;
    this.positions = null;
    this.measureOffsets();
    this.restore(anchor);
    this.renderRows();
    if (this.followEnd && this.atEnd) this.scrollToEnd();
  }

  /** Forget everything measured and start at the beginning, or at the end of a list that follows it. */
  reset(items) {
    this.rows.forEach(({ element }) => this.discard(element));
    this.rows.clear();
    this.heights.clear();
    this.items = [];
    this.atEnd = true;
    this.scroller.scrollTop = 0;
    this.setItems(items);
  }

  indexOf(key) {
    if (!this.positions) this.positions = new Map(this.items.map((item, index) => [this.key(item), index]));
    return this.positions.has(key) ? this.positions.get(key) : -1;
  }

  scrollToEnd() {
    for (let round = 0; round < 4; round += 1) {
      const before = this.scroller.scrollTop;
      this.scroller.scrollTop = this.scroller.scrollHeight;
      this.renderRows();
      if (this.scroller.scrollTop === before && round) break;
    }
    this.atEnd = true;
  }

  /** Bring a row into view and return its element. */
  reveal(key) {
    const index = this.indexOf(key);
    if (index < 0) return null;
    this.atEnd = false;
    for (let round = 0; round < 3; round += 1) {
      const top = this.offsets[index];
      const bottom = this.offsets[index + 1];
      const start = this.scroller.scrollTop;
      const height = this.scroller.clientHeight;
      if (top < start) this.scroller.scrollTop = top - 8;
      else if (bottom > start + height) this.scroller.scrollTop = bottom - height + 8;
      this.renderRows();
    }
    return this.rows.get(key)?.element ?? null;
  }

  // -- positions

  measureOffsets() {
    const offsets = new Float64Array(this.items.length + 1);
    for (let index = 0; index < this.items.length; index += 1) {
      offsets[index + 1] = offsets[index] + (this.heights.get(this.key(this.items[index])) ?? this.estimate);
    }
    this.offsets = offsets;
  }

  /** Return the index of the row at a height, by binary search. */
  indexAt(height) {
    let low = 0;
    let high = this.items.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.offsets[middle] <= height) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }

  anchor() {
    if (!this.items.length) return null;
    const index = this.indexAt(this.scroller.scrollTop);
    return { key: this.key(this.items[index]), distance: this.scroller.scrollTop - this.offsets[index] };
  }

  restore(anchor) {
    if (!anchor || (this.followEnd && this.atEnd) || (!this.followEnd && this.scroller.scrollTop === 0)) return;
    const index = this.indexOf(anchor.key);
    if (index < 0) return;
    this.pad();
    this.scroller.scrollTop = this.offsets[index] + anchor.distance;
  }

  pad(first = this.first ?? 0, end = this.end ?? 0) {
    const total = this.offsets[this.items.length];
    this.list.style.paddingTop = `${this.offsets[Math.min(first, this.items.length)]}px`;
    this.list.style.paddingBottom = `${total - this.offsets[Math.min(end, this.items.length)]}px`;
  }

  // -- rows

  renderRows() {
    const start = this.scroller.scrollTop - OVERSCAN;
    const height = this.scroller.clientHeight + 2 * OVERSCAN;
    this.first = this.indexAt(Math.max(start, 0));
    this.end = this.items.length ? this.indexAt(start + height) + 1 : 0;
    const wanted = new Set();
    const fresh = [];
    let next = this.list.firstElementChild;
    for (let index = this.first; index < this.end; index += 1) {
      const item = this.items[index];
      const key = this.key(item);
      wanted.add(key);
      const { element, isNew } = this.row(key, item);
      element.setAttribute("aria-posinset", index + 1);
      element.setAttribute("aria-setsize", this.items.length);
      if (next && next.parentNode !== this.list) next = element; // row() built this one again
      if (element === next) next = next.nextElementSibling;
      else this.list.insertBefore(element, next);
      if (isNew) fresh.push(key);
    }
    this.removeOthers(wanted);
    this.pad();
    this.measure(fresh);
  }

  row(key, item) {
    const version = this.version(item);
    const known = this.rows.get(key);
    if (known && known.version === version) return { element: known.element, isNew: false };
    const element = this.render(item);
    element.dataset.key = key;
    if (known) {
      const hadFocus = known.element.contains(document.activeElement);
      known.element.replaceWith(element);
      this.sizes.unobserve(known.element);
      if (hadFocus) (element.querySelector("a, button") ?? element).focus({ preventScroll: true });
    }
    this.sizes.observe(element);
    this.rows.set(key, { element, version });
    return { element, isNew: true };
  }

  removeOthers(wanted) {
    for (const [key, { element }] of this.rows) {
      if (wanted.has(key)) continue;
      if (element.contains(document.activeElement)) this.scroller.focus({ preventScroll: true });
      this.discard(element);
      this.rows.delete(key);
    }
  }

  discard(element) {
    this.sizes.unobserve(element);
    element.remove();
  }

  /** Measure rows, and move the others accordingly. */
  measure(keys) {
    const anchor = this.anchor();
    let changed = false;
    for (const key of keys) {
      const row = this.rows.get(key);
      const height = row ? row.element.getBoundingClientRect().height : 0;
      if (height && height !== this.heights.get(key)) {
        this.heights.set(key, height);
        changed = true;
      }
    }
    if (!changed) return;
    this.measureOffsets();
    this.pad();
    this.restore(anchor);
  }

  onScroll() {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    this.atEnd = scrollTop + clientHeight >= scrollHeight - AT_END;
    this.renderRows();
  }

  onResize(entries) {
    if (!this.scroller.clientWidth) return; // hidden
    if (this.scroller.clientWidth !== this.width) {
      this.width = this.scroller.clientWidth;
      this.heights.clear();
    }
    this.measure(entries.map((entry) => entry.target.dataset.key).filter((key) => this.rows.has(key)));
    this.renderRows();
    if (this.followEnd && this.atEnd) this.scrollToEnd();
  }
}
